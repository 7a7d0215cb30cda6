from hypothesis import given
from hypothesis import strategies as st

from engine.llm.detokenize import TextTracker


def decode_bytes(ids):
    return bytes(ids).decode(errors="replace")


def decode_words(ids):
    """As sentencepiece does: the space before a first word is not shown."""
    return "".join(ids).removeprefix(" ")


@given(st.text(), st.text(max_size=5))
def test_characters_over_several_tokens_come_out_whole(text, prompt):
    tracker = TextTracker(decode_bytes, list(prompt.encode()))
    for byte in text.encode():
        tracker.push(byte)
    tracker.flush()
    assert tracker.text == text == "".join(tracker.tokens)
    assert len(tracker.tokens) == len(text.encode())


@given(st.binary())
def test_bytes_that_are_no_text_lose_no_token(data):
    tracker = TextTracker(decode_bytes, ())
    for byte in data:
        tracker.push(byte)
    tracker.flush()
    assert len(tracker.tokens) == len(data)
    assert "".join(tracker.tokens) == tracker.text


LETTERS = "ab\n "
STOPS = st.lists(st.text(LETTERS, min_size=1), max_size=3)


@given(st.lists(st.sampled_from(LETTERS), max_size=30), STOPS)
def test_the_text_ends_before_the_first_stop_text(pieces, stops):
    whole = "".join(pieces)
    tracker = TextTracker(lambda ids: "".join(pieces[i] for i in ids), (), stops)
    stopped = any(tracker.push(i) for i in range(len(pieces)))
    found = [whole.index(stop) for stop in stops if stop in whole]
    assert stopped == bool(found)
    if stopped:
        # The stop text that is complete first ends it.
        ends = min(whole.index(stop) + len(stop) for stop in stops if stop in whole)
        assert "".join(tracker.tokens) == whole[:ends]
        assert not any(stop in tracker.text for stop in stops)
        assert whole.startswith(tracker.text)
    else:
        assert tracker.text == whole


def test_a_stop_text_inside_one_token_cuts_it():
    tracker = TextTracker(decode_words, (), ["b", "c"])
    assert tracker.push("aXcYb")
    assert tracker.text == "aX"


def test_the_space_of_a_first_written_word_is_kept():
    tracker = TextTracker(decode_words, [" def", " f():"])
    for token in (" return", " 1"):
        tracker.push(token)
    assert tracker.text == " return 1"


def test_a_token_that_is_not_shown_is_no_context():
    tracker = TextTracker(lambda ids: decode_words([i for i in ids if i != "<eos>"]), ["a"])
    for token in ("<eos>", "<eos>", " b"):
        tracker.push(token)
    assert tracker.text == " b"
    assert tracker.tokens == ["", "", " b"]
