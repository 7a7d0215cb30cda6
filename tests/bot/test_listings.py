"""What is printed of pools and requests."""

from __future__ import annotations

from bot.listings import printable, replay_lines, table
from bot.replay import Difference, Replay
from engine.selection import choose
from engine.verdicts import Verdict
from tests.engine.pools import drawn

CHOICE = choose(drawn(["PPP", "PPP", "FFF"]), min_asserts=1)
OTHER = choose(drawn(["FFF", "PPP", "FFF"]), min_asserts=1)


def replayed(differences=0, choice=CHOICE, now=Verdict.FAILED):
    lost = tuple(Difference((f"c{i}", "t"), Verdict.PASSED, now) for i in range(differences))
    return replay_lines(Replay(30, lost, CHOICE, choice))


def test_a_replay_is_told_in_one_line_and_a_line_per_difference():
    assert replayed() == ["30 pairs run again: the same matrix, the same choice"]
    assert replayed(1) == [
        "30 pairs run again: 1 ended differently, the same choice",
        "  c0 × t: passed became failed",
    ]
    assert replayed(1, OTHER, None) == [
        "30 pairs run again: 1 ended differently, another choice",
        "  c0 × t: passed became nothing: it did not run",
    ]


def test_many_differences_are_counted_and_not_all_told():
    lines = replayed(25)

    assert len(lines) == 22
    assert lines[-1] == "  and 5 more"


def test_columns_are_as_wide_as_what_is_in_them():
    assert table(("A", "LONG"), [("wide one", 1), ("", "x")]) == [
        "A         LONG",
        "wide one  1",
        "          x",
    ]


def test_what_a_terminal_would_obey_is_not_printed():
    assert printable("a\x1b[31mb\nc\u202ed\0") == "a?[31mb c?d?"
