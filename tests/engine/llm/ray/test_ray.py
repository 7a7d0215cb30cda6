"""A model on several nodes: spread, cancelled, bereft of a node in the middle, joined by another."""

from __future__ import annotations

import threading
import time

import pytest

from engine.errors import ModelUnavailable
from engine.llm.base import FinishReason, Prompt, SamplingParams
from tests.engine.llm.ray.conftest import PROMPT, ask


def until(condition):
    """Wait for what other processes do; a minute is far more than it takes."""
    deadline = time.monotonic() + 60
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        tick.wait(0.05)


def all_there(model, count):
    until(lambda: model.concurrency >= count)
    return model


def test_an_ask_is_spread_over_idle_replicas_and_every_sample_comes(ray_nodes, scripted_replicas):
    ray_nodes.at_least(2)
    model = all_there(scripted_replicas(), 2)
    texts = [completion.text for completion in ask(model, n=10)]
    # Each replica deals its own script from the start: two halves that are alike.
    assert len(texts) == 10
    assert sorted(texts) == sorted(2 * texts[:5]) or len(set(texts)) == 5


def test_a_node_that_dies_in_the_middle_loses_nothing_and_doubles_nothing(
    ray_nodes, scripted_replicas
):
    ray_nodes.at_least(2)
    model = all_there(scripted_replicas(seconds=0.25), 2)
    came = []
    for completion in model.complete(PROMPT, SamplingParams(n=16)):
        came.append(completion)
        if len(came) == 4:
            busy = [member.slot.node_id for member in model.fleet.members if member.asks]
            assert len(busy) == 2
            ray_nodes.kill(busy[0])
    assert len(came) == 16
    assert {completion.finish_reason for completion in came} == {FinishReason.STOP}
    assert busy[0] not in {member.slot.node_id for member in model.fleet.members}
