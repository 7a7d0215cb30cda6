"""Log-probabilities of choices from the likeliest tokens at each place."""

import math

import pytest

from engine.llm.openai.choices import Open, Place, shared, spread

SCORES = [f" {tenth / 10:.1f}" for tenth in range(11)]


def place(**tops: float) -> Place:
    """Of these tokens with these probabilities, the likeliest is the reply's."""
    logs = {token.replace("_", " "): math.log(p) for token, p in tops.items()}
    return Place(max(logs, key=logs.__getitem__), logs)


def test_a_score_is_told_by_its_digits():
    digits = Place("7", {str(d): math.log(0.05 + 0.05 * (d == 7)) for d in range(10)})
    told = spread([place(_0=0.8, _1=0.2), Place(".", {".": 0.0}), digits], SCORES)

    assert told.open == []
    assert told.known[" 0.7"] == pytest.approx(math.log(0.8 * 0.1))
    assert told.known[" 0.3"] == pytest.approx(math.log(0.8 * 0.05))
    assert told.known[" 1.0"] == pytest.approx(math.log(0.2))  # alone after its first digit


def test_choices_that_leave_the_reply_together_are_asked_for_again():
    told = spread([place(_1=0.9, _0=0.1)], SCORES)

    assert told.known == {" 1.0": pytest.approx(math.log(0.9))}
    assert told.open == [Open(" 0", math.log(0.1), tuple(SCORES[:10]))]

    again = spread([place(**{".9": 0.5, ".8": 0.5})], SCORES[:10], " 0", math.log(0.1))
    assert again.known[" 0.9"] == pytest.approx(math.log(0.05))
    assert again.unlikely[" 0.1"] < again.known[" 0.9"]


def test_a_choice_that_ends_within_a_token_is_told_by_it_but_not_by_a_longer_word():
    told = spread([Place("yes,", {"yes,": -0.1, "yesterday": -0.05, "no": -3.0})], ["yes", "no"])

    assert told.known == {"yes": -0.1, "no": -3.0}


def test_what_a_server_does_not_mention_is_less_likely_than_all_it_does():
    told = spread([Place("a", {"a": -0.1, "b": -5.0})], ["x", "a"])

    assert told.known == {"a": -0.1}
    assert told.unlikely["x"] < -5.0


def test_a_reply_that_tells_nothing_leaves_all_open():
    assert spread([], ["a", "b"]).open == [Open("", 0.0, ("a", "b"))]


def test_what_nobody_can_tell_apart_is_shared():
    assert shared(Open("x", math.log(0.5), ("xa", "xb"))) == {
        "xa": pytest.approx(math.log(0.25)),
        "xb": pytest.approx(math.log(0.25)),
    }
