"""A completion as it grows: stops, begins said again, and whose share of the text each token has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.llm.base import FinishReason
from engine.llm.openai.replies import Delta
from engine.llm.openai.writing import Writing, aligned, restated

PIECES = st.lists(st.text(st.sampled_from("ab\n` é😀"), max_size=4), max_size=12)


def written(pieces, *, reason="stop", **how) -> Writing:
    writing = Writing(**how)
    for piece in pieces:
        writing.push(Delta(0, piece, (piece,) if piece else (), (-0.5,) if piece else ()))
    writing.push(Delta(0, "", finish_reason=reason))
    return writing


@given(PIECES, st.lists(st.sampled_from(["a", "b\n", "```", "é", "\n\n"]), max_size=3))
def test_a_text_ends_before_its_first_stop_however_it_came(pieces, stop):
    whole = "".join(pieces)
    ends = [whole.index(s) for s in stop if s in whole]
    completion = written(pieces, stop=stop).completion()

    # The stop that was whole first ends it; another may have begun before that.
    assert completion.text == whole[: len(completion.text)]
    assert not any(s in completion.text for s in stop)
    assert bool(ends) == (completion.text != whole)
    assert "".join(completion.tokens).startswith(completion.text)
    assert len(completion.tokens) == len(completion.logprobs)


@pytest.mark.parametrize(
    ("reason", "told"),
    [("stop", FinishReason.STOP), ("length", FinishReason.LENGTH), (None, FinishReason.CANCELLED)],
)
def test_why_it_ended_is_what_the_server_says(reason, told):
    assert written(["a"], reason=reason).completion().finish_reason is told


OPENING = "```python\ndef f():"


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("```python\ndef f():\n    return 1\n```", "\n    return 1"),
        ("\n\n```py\ndef f():\n    return 1\n```\nIt is f.", "\n    return 1"),
        ("```\ndef f():\n    return 1", "\n    return 1"),
        ("def f():\n    return 1\n```", "\n    return 1"),
        ("    return 1", "    return 1"),
        ("Sure:\n```python\ndef f():\n    return 1\n```", None),
        ("```python\ndef g():\n    return 1\n```", None),
        ("", ""),
    ],
)
def test_a_begin_that_is_said_again_is_no_part_of_the_text(reply, text):
    for size in (1, 3, 100):
        pieces = [reply[at : at + size] for at in range(0, len(reply), size)]
        completion = written(pieces, stop=("\n```",), opening=OPENING).completion()
        assert completion.text == (reply if text is None else text)
        assert "".join(completion.tokens).startswith(completion.text)


@given(
    st.text(st.sampled_from("`py\nd ef():"), max_size=30), st.sampled_from(["", OPENING, "Score:"])
)
def test_what_is_said_again_is_a_begin_of_the_reply_and_once_known_stays(reply, opening):
    known = [restated(reply[:size], opening, final=False) for size in range(len(reply) + 1)]
    final = restated(reply, opening, final=True)

    assert final is not None
    assert 0 <= final <= len(reply)
    assert known[-1] in (None, final)


@pytest.mark.parametrize(
    ("text", "tokens", "shares"),
    [
        ("ab", ["a", "b"], ["a", "b"]),
        ("a", ["a", "bc"], ["a", "bc"]),
        ("a", ["abc"], ["abc"]),
        ("\n👍💬.", ["\n", "", "", "", "", "."], ["\n", "", "", "", "👍💬", "."]),
        ("é", ["\ufffd", "\ufffd"], ["", "é"]),
        ("xéy", ["x", "\ufffd", "\ufffd", "y"], ["x", "", "é", "y"]),
        ("", ["<end>"], ["<end>"]),
        ("", [], []),
    ],
)
def test_every_token_has_its_share(text, tokens, shares):
    assert aligned(text, tokens) == shares


@given(st.text(max_size=20), st.lists(st.text(max_size=5), max_size=8))
def test_there_is_a_share_for_every_token_whatever_a_server_says(text, tokens):
    assert len(aligned(text, tokens)) == len(tokens)


def test_tokens_that_are_not_the_texts_are_not_told():
    writing = Writing()
    writing.push(Delta(0, "abc", ("x", "y"), (-1.0, -1.0), finish_reason="stop"))

    assert writing.completion().tokens == ()
    assert writing.completion().mean_logprob is None
