"""What runs in an actor, without one."""

from __future__ import annotations

import json
import threading

import pytest

from engine.errors import BadInput, ModelUnavailable
from engine.llm import ModelSettings
from engine.llm.base import Completion, FinishReason, SamplingParams
from engine.llm.ray import replica as replicas
from engine.llm.ray.replica import Failure, Fault, Ready, Replica
from engine.llm.scripted import ScriptedModel
from tests.engine.llm.ray.conftest import PROMPT, REPLIES

A_DAY = 86_400
"""Seconds. Each replica has a thread that outlives its test, and leaves when so long nobody came."""


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"replies": {"": REPLIES}}), encoding="utf-8")
    return ModelSettings(backend="scripted", model=str(path))


def never() -> None:
    raise AssertionError("it left")


def test_it_loads_when_it_is_first_asked_and_describes_its_model(settings):
    told = Replica(settings, A_DAY, never).ready()
    assert told == Ready("scripted (script.json)", 8192, 1)


def test_a_model_that_cannot_be_is_a_failure_and_no_exception():
    told = Replica(ModelSettings(backend="scripted", model="none.json"), A_DAY, never).ready()
    assert isinstance(told, Failure)
    assert isinstance(told.error(), BadInput)


@pytest.mark.parametrize(
    ("raised", "fault"),
    [
        (ModelUnavailable("out of memory", remedy="a smaller batch"), Fault.UNAVAILABLE),
        (ValueError("no room"), Fault.NO_ROOM),
    ],
)
def test_an_error_in_the_middle_is_the_last_item(settings, monkeypatch, raised, fault):
    model = ScriptedModel({"": ["a", raised]})
    monkeypatch.setattr(replicas, "open_model", lambda settings: model)
    first, last = Replica(settings, A_DAY, never).complete("ask", PROMPT, SamplingParams(n=2))
    assert isinstance(first, Completion)
    assert isinstance(last, Failure)
    assert last.fault is fault
    again = last.error()
    assert (type(again), str(again)) == (type(raised), str(raised))
    assert getattr(again, "remedy", "") == getattr(raised, "remedy", "")


def test_a_cancel_that_comes_before_its_ask_is_not_forgotten(settings):
    replica = Replica(settings, A_DAY, never)
    replica.cancel("ask")
    reasons = [c.finish_reason for c in replica.complete("ask", PROMPT, SamplingParams(n=3))]
    assert reasons == [FinishReason.CANCELLED] * 3
    # The next ask is another one, even under the same name.
    [completion] = replica.complete("ask", PROMPT, SamplingParams(n=1))
    assert completion.finish_reason is FinishReason.STOP


def test_an_ask_that_waits_for_its_turn_can_be_cancelled(settings):
    replica = Replica(settings, A_DAY, never)
    running = replica.complete("first", PROMPT, SamplingParams(n=2))
    next(running)
    waiting: list[FinishReason] = []
    thread = threading.Thread(
        target=lambda: waiting.extend(
            c.finish_reason for c in replica.complete("second", PROMPT, SamplingParams(n=2))
        )
    )
    thread.start()
    replica.cancel("second")
    thread.join()
    assert waiting == [FinishReason.CANCELLED] * 2
    assert len(list(running)) == 1


def test_what_was_cancelled_and_never_came_is_forgotten_in_the_end(settings):
    replica = Replica(settings, A_DAY, never)
    for number in range(5000):
        replica.cancel(f"{number}")
    assert len(replica._cancels) <= 1100


def test_it_leaves_when_nobody_speaks_to_it(settings):
    left = threading.Event()
    Replica(settings, 0.05, left.set)
    assert left.wait(60)


def test_it_does_not_leave_while_somebody_waits_for_its_words(settings):
    left = threading.Event()
    replica = Replica(settings, 0.5, left.set)
    running = replica.complete("ask", PROMPT, SamplingParams(n=2))
    next(running)
    assert not left.wait(1.2)
    running.close()
    assert left.wait(60)
