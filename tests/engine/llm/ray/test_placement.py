from __future__ import annotations

from dataclasses import dataclass

import pytest

from engine.llm.ray.placement import ALL_GPUS, Slot, slots


@dataclass(frozen=True)
class Machine:
    id: str
    cpus: float = 8
    gpus: float = 0
    is_here: bool = False


PLAIN = [Machine("a"), Machine("b")]
CARDS = [Machine("head", gpus=0), Machine("a", gpus=2), Machine("b", gpus=2)]


@pytest.mark.parametrize(
    ("nodes", "gpus", "places"),
    [
        (PLAIN, ALL_GPUS, {("a", 0, 0.0), ("b", 0, 0.0)}),
        (PLAIN, 0.0, {("a", 0, 0.0), ("b", 0, 0.0)}),
        (PLAIN, 1.0, set()),
        ([Machine("head", cpus=0), *PLAIN], ALL_GPUS, {("a", 0, 0.0), ("b", 0, 0.0)}),
        (CARDS, ALL_GPUS, {("a", 0, 2.0), ("b", 0, 2.0)}),
        (CARDS, 2.0, {("a", 0, 2.0), ("b", 0, 2.0)}),
        (CARDS, 1.0, {("a", 0, 1.0), ("a", 1, 1.0), ("b", 0, 1.0), ("b", 1, 1.0)}),
        (CARDS, 0.5, {(node, index, 0.5) for node in "ab" for index in range(4)}),
        (CARDS, 0.0, {("head", 0, 0.0), ("a", 0, 0.0), ("b", 0, 0.0)}),
        ([Machine("a", gpus=2), Machine("b", gpus=4)], ALL_GPUS, {("a", 0, 2.0), ("b", 0, 4.0)}),
        ([], ALL_GPUS, set()),
    ],
)
def test_replicas_go_where_their_cards_are(nodes, gpus, places):
    assert set(slots(nodes, gpus=gpus)) == {Slot(*place) for place in places}


def test_ones_own_node_comes_first_and_a_second_replica_anywhere_comes_last():
    nodes = [Machine("a", gpus=2), Machine("b", gpus=2, is_here=True), Machine("c", gpus=2)]
    order = [(slot.node_id, slot.index) for slot in slots(nodes, gpus=1.0)]
    assert order[0] == ("b", 0)
    assert [index for _, index in order] == [0, 0, 0, 1, 1, 1]


def test_workers_on_different_nodes_prefer_different_others():
    nodes = [Machine(f"{number}") for number in range(50)]
    firsts = {slots(nodes, gpus=0.0, salt=f"{worker}")[0].node_id for worker in range(50)}
    assert len(firsts) > 20
