"""What is printed of pools and requests."""

from __future__ import annotations

from bot.listings import printable, replay_lines, table, tuning_list
from bot.replay import Difference, Replay
from engine.candidates import Kind
from engine.knobs import AS_CONFIGURED, Knobs, Part
from engine.selection import choose
from engine.tuning import Outcome, Tuner
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


def test_what_was_learnt_is_told_by_model_and_kind_of_ask():
    parts = frozenset({Part.EXAMPLES})
    usual = [Outcome(Kind.CODE, "dialogue", AS_CONFIGURED, parts, 2.0, 16, 900, 10.0)] * 20
    colder = Knobs(temperature=-0.2, without=parts)
    better = [Outcome(Kind.CODE, "dialogue", colder, parts, 20.0, 16, 900, 10.0)] * 20
    few = [Outcome(Kind.TEST, "completion", AS_CONFIGURED, parts, 0.0, 12, 900, 5.0)]

    assert tuning_list({"m": Tuner().learnt([*usual, *better, *few])}) == [
        "KIND  STYLE       ASKS  CONFIGURED/S  USEFUL/S  BEST BY NOW                         MODEL",
        "code  dialogue    36    0.200         1.145     temperature -0.2, without examples  m",
        "test  completion  1     0.000         0.000     as configured                       m",
    ]
    assert tuning_list({}) == ["nothing is learnt yet: asks are as configured"]
