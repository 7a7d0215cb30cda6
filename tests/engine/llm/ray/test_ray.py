"""A model on several nodes: spread, cancelled, bereft of a node in the middle, joined by another."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import ray

from engine.errors import BadInput, ModelUnavailable
from engine.llm import ModelSettings, open_model
from engine.llm.base import FinishReason, Message, Prompt, SamplingParams, asks_at_once
from engine.llm.ray import RayModel, fleet
from engine.llm.ray.model import _Ask, _Share
from engine.llm.ray.placement import Slot
from engine.llm.ray.replica import Failure, Fault, Ready
from engine.llm.scripted import ScriptedModel
from tests.engine.llm.ray.conftest import PROMPT, REPLIES, ask, script


def until(condition: Callable[[], bool]) -> None:
    """Wait for what other processes do; a minute is far more than it takes."""
    deadline, tick = time.monotonic() + 60, threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        tick.wait(0.05)


def with_replicas(model: RayModel, count: int) -> RayModel:
    until(lambda: len(model.fleet.members) >= count)
    return model


def busy(model: RayModel) -> list[int]:
    return [member.asks for member in model.fleet.members if member.asks]


def test_an_ask_is_spread_over_idle_replicas_and_every_sample_comes(ray_nodes, slow):
    ray_nodes.at_least(2)
    completions = with_replicas(slow, 2).complete(PROMPT, SamplingParams(n=10))
    first = next(completions)
    assert busy(slow) == [1, 1]
    assert {c.text for c in (first, *completions)} <= set(REPLIES)
    assert busy(slow) == []


def test_every_sample_of_an_ask_comes_once(slow):
    assert len(ask(slow, n=11)) == 11


def test_a_seeded_ask_stays_together_and_is_repeatable(ray_nodes, slow):
    ray_nodes.at_least(2)
    with_replicas(slow, 2)
    assert [c.text for c in ask(slow, n=10, seed=3)] == REPLIES[3:13]


def test_several_asks_run_at_the_same_time(ray_nodes, slow):
    ray_nodes.at_least(2)
    with_replicas(slow, 2)
    # One on each, and one that waits for it.
    assert asks_at_once(slow) == 2 * len(slow.fleet.members)
    both = [iter(slow.complete(PROMPT, SamplingParams(n=3, seed=seed))) for seed in (1, 2)]
    assert {next(completions).text for completions in both} == {REPLIES[1], REPLIES[2]}
    assert busy(slow) == [1, 1]
    assert [len(list(completions)) for completions in both] == [2, 2]


def test_more_asks_than_there_is_room_for_wait_their_turn(ray_nodes, slow):
    came: list[str] = []
    asks = 3 * len(slow.fleet.members)
    threads = [threading.Thread(target=lambda: came.extend(ask(slow, n=2))) for _ in range(asks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(came) == 2 * asks
    assert busy(slow) == []


def test_a_node_that_dies_in_the_middle_loses_nothing_and_doubles_nothing(
    ray_nodes, scripted_replicas
):
    ray_nodes.at_least(2)
    model = with_replicas(scripted_replicas(seconds_per_reply=0.25), 2)
    came = []
    for completion in model.complete(PROMPT, SamplingParams(n=16)):
        came.append(completion)
        if len(came) == 4:
            both = [member.slot.node_id for member in model.fleet.members if member.asks]
            assert len(both) == 2
            ray_nodes.kill(both[0])
    assert len(came) == 16
    assert {completion.finish_reason for completion in came} == {FinishReason.STOP}
    assert both[0] not in {member.slot.node_id for member in model.fleet.members}


def test_a_replica_that_dies_has_its_judging_done_elsewhere_and_is_replaced(
    ray_nodes, scripted_replicas
):
    ray_nodes.at_least(2)
    model = with_replicas(scripted_replicas(), 2)
    first = model.fleet.members[0]
    ray.kill(first.actor)
    prompts = [Prompt(f"{number}") for number in range(20)]
    told = model.choice_logprobs(prompts, ["yes", "no"])
    assert told is not None
    assert len(told) == 20
    assert all(row[0] > row[1] for row in told)
    with_replicas(model, 2)
    assert first not in model.fleet.members


def test_a_node_that_joins_is_used(ray_nodes, scripted_replicas):
    before = len(ray_nodes.at_least(1))
    model = with_replicas(scripted_replicas(), before)
    joined = ray_nodes.add()
    with_replicas(model, before + 1)
    assert joined in {member.slot.node_id for member in model.fleet.members}


def test_a_cancel_reaches_the_replicas(slow):
    cancel, reasons = threading.Event(), []
    for completion in slow.complete(PROMPT, SamplingParams(n=400), cancel=cancel):
        cancel.set()
        reasons.append(completion.finish_reason)
    assert len(reasons) == 400
    assert reasons[0] is FinishReason.STOP
    assert reasons.count(FinishReason.CANCELLED) > 390
    # They are free again, and not busy with what nobody waits for.
    assert len(ask(slow, n=2)) == 2


def test_an_ask_that_is_abandoned_ends_on_the_replicas_too(slow):
    completions = slow.complete(PROMPT, SamplingParams(n=400))
    next(completions)
    completions.close()
    assert busy(slow) == []
    # Were the replicas still at it, these would wait for half a minute.
    cancel = threading.Event()
    timer = threading.Timer(15, cancel.set)
    timer.start()
    reasons = {c.finish_reason for c in ask(slow, n=8, cancel=cancel)}
    timer.cancel()
    assert reasons == {FinishReason.STOP}


def test_when_every_replica_is_gone_the_model_is_unavailable(
    ray_nodes, scripted_replicas, monkeypatch
):
    ray_nodes.at_least(1)
    model = scripted_replicas(ray_replicas=1)
    monkeypatch.setattr(model.fleet, "_start", lambda slot, now: None)
    ray.kill(model.fleet.members[0].actor)
    with pytest.raises(ModelUnavailable, match="no replica of the model is left") as caught:
        ask(model, n=3)
    assert "ray status" in caught.value.remedy


def test_an_ask_that_kills_replica_after_replica_is_given_up(ray_nodes, scripted_replicas):
    ray_nodes.at_least(1)
    model = scripted_replicas(seconds_per_reply=0.1)
    completions = model.complete(PROMPT, SamplingParams(n=400))

    def kill_whoever_answers() -> None:
        for _ in completions:
            for member in model.fleet.members:
                if member.asks:
                    ray.kill(member.actor)

    with pytest.raises(ModelUnavailable, match="3 replicas failed at one ask"):
        kill_whoever_answers()


def test_what_the_model_refuses_is_refused_here(slow):
    with pytest.raises(ValueError, match="0 tokens"):
        slow.complete(Prompt(""), SamplingParams())
    with pytest.raises(ValueError, match=str(slow.context_window)):
        slow.complete(Prompt("word " * (slow.context_window + 1)), SamplingParams())
    assert slow.choice_logprobs([], ["a"]) == []
    assert slow.apply_chat_template([Message("user", "Hello?")]) is None


def test_workers_share_the_replicas_of_one_model(slow, keep):
    other = keep(RayModel.open(slow.fleet.settings, keep_s=4.0))
    with_replicas(other, len(slow.fleet.members))
    here, there = ({m.actor._actor_id for m in model.fleet.members} for model in (slow, other))
    assert here == there
    assert len(ask(other, n=2)) == 2


def test_a_replica_that_nobody_speaks_to_ends(ray_nodes, scripted_replicas):
    ray_nodes.at_least(1)
    model = scripted_replicas(ray_replicas=1, keep_s=1.0)
    [member] = model.fleet.members
    assert ask(model, n=1)
    model.fleet.close()

    def is_gone() -> bool:
        try:
            ray.get_actor(f"{fleet.key_of(model.fleet.settings)}-{member.slot.node_id}-0")
        except ValueError:
            return True
        return False

    until(is_gone)


def test_a_model_that_no_replica_can_load_says_why(ray_nodes, tmp_path):
    ray_nodes.at_least(1)
    settings = replace(script(tmp_path), model=str(tmp_path / "none.json"))
    with pytest.raises(BadInput, match=r"cannot read the script .*none\.json"):
        open_model(settings)


def test_without_a_cluster_the_remedy_is_named():
    # In a process of its own: this one has its cluster.
    from tests.engine.llm.ray.elsewhere import opened_elsewhere

    told, remedy = opened_elsewhere("127.0.0.1:1")
    assert told == "no Ray cluster at 127.0.0.1:1: Connection refused"
    assert remedy.startswith("ray start --head")


def test_no_secret_of_the_worker_reaches_a_node(slow, monkeypatch):
    monkeypatch.setenv("SUPERCHARGE_GITHUB_TOKEN", "ghs_hidden")

    @ray.remote(num_cpus=0)
    def environment() -> dict[str, str]:
        return dict(os.environ)

    assert "ghs_hidden" not in str(ray.get(environment.remote()))
    assert "ghs_hidden" not in str(fleet.inner_settings(slow.fleet.settings))


@pytest.mark.model
def test_the_embedded_model_on_two_nodes_loses_one_of_them_and_nothing_else(ray_nodes, keep):
    ray_nodes.at_least(2)
    settings = ModelSettings(backend="ray", threads=1, ray_replicas=2)
    model = with_replicas(keep(RayModel.open(settings, keep_s=5.0, look_every_s=0.2)), 2)
    came = []
    for completion in model.complete(PROMPT, SamplingParams(n=8, max_tokens=12)):
        came.append(completion)
        if len(came) == 1:
            [*_, last] = [member.slot.node_id for member in model.fleet.members if member.asks]
            ray_nodes.kill(last)
    assert len(came) == 8
    assert all(completion.logprobs for completion in came)
    assert not any(completion.finish_reason is FinishReason.CANCELLED for completion in came)
    assert "SmolLM2" in model.name


def test_a_model_that_says_that_it_cannot_is_left_alone_and_asked_no_more_than_three_times():
    replicas = fleet.Fleet(ModelSettings(backend="ray"))
    member = fleet.Member(Slot("node", 0, 0.0), None, None, 0.0, Ready("model", 100, 1))
    replicas._members[member.slot] = member
    asking = _Ask(replicas, PROMPT, SamplingParams(n=4), threading.Event())
    full = Failure(Fault.UNAVAILABLE, "out of memory", "a smaller batch")

    def fail() -> None:
        asking._waiting, member.asks = 0, 1
        asking._shares["stream"] = _Share(member, 4)
        asking._lose("stream", full)

    for _ in range(2):
        fail()
        assert asking._waiting == 4
        assert replicas.members == [member]
    with pytest.raises(ModelUnavailable, match="3 replicas failed at one ask: out of memory"):
        fail()


def test_a_model_without_a_word_on_it_takes_one_ask_at_a_time():
    assert asks_at_once(ScriptedModel({"": ["a"]})) == 1
