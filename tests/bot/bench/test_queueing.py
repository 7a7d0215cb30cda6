"""The played cluster, held against what queueing theory says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.bench.queueing import Figures, Part, simulate

PLAIN = Figures()
CHEAP = replace(PLAIN, reply_s=0.001, result_s=0.0, pair_s=0.0001)
"""A worker and a sandbox that hold nothing up."""


@pytest.mark.parametrize("nodes", [1, 4, 32])
def test_no_more_asks_go_through_than_the_busiest_part_lets_through(nodes):
    most = 1 / max(PLAIN.demand(part, nodes) for part in Part)
    outcome = simulate(PLAIN, nodes, seconds=2000 / nodes)
    assert 0.7 * most < outcome.asks_per_s < 1.1 * most


def test_a_part_is_as_busy_as_its_demand_says():
    outcome = simulate(PLAIN, 4, seconds=3000)
    for part in (Part.CARDS, Part.WORKER, Part.SANDBOX, Part.DATABASE):
        wanted = outcome.asks_per_s * PLAIN.demand(part, 4)
        assert outcome.busy[part] == pytest.approx(wanted, rel=0.1)
    assert all(0 <= share <= 1 for share in outcome.busy.values())


@pytest.mark.parametrize(
    ("figures", "busiest"),
    [
        (CHEAP, Part.CARDS),
        (replace(CHEAP, reply_s=0.5), Part.WORKER),
        (replace(CHEAP, pair_s=0.5), Part.SANDBOX),
        (replace(CHEAP, row_s=0.1, db_cores=1), Part.DATABASE),
        (replace(CHEAP, beat_s=0.5, card_s=0.01), Part.HEAD),
    ],
)
def test_the_part_that_costs_most_is_the_busiest(figures, busiest):
    outcome = simulate(figures, 4, seconds=600)
    assert outcome.busiest is busiest
    assert outcome.busy[busiest] > 0.75


def test_nodes_add_up_until_what_they_share_is_full():
    figures = replace(CHEAP, row_s=0.0002, db_cores=1)
    few, more, many = (simulate(figures, nodes, seconds=200).asks_per_s for nodes in (2, 8, 512))
    assert more == pytest.approx(4 * few, rel=0.25)
    assert many == pytest.approx(1 / figures.database_s, rel=0.1)


def test_without_an_ask_ahead_the_cards_wait_for_the_worker():
    alone = replace(PLAIN, ahead=0)
    assert simulate(alone, 1, seconds=2000).busy[Part.CARDS] < 0.7
    assert simulate(PLAIN, 1, seconds=2000).busy[Part.CARDS] > 0.75


def test_the_same_seed_plays_the_same_cluster():
    assert simulate(PLAIN, 4, seconds=60, seed=3) == simulate(PLAIN, 4, seconds=60, seed=3)
    assert simulate(PLAIN, 4, seconds=60, seed=3) != simulate(PLAIN, 4, seconds=60, seed=4)
