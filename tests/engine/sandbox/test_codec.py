"""What crosses between a code and its test, and what does not."""

from __future__ import annotations

import itertools
import json
import math
import socket
from collections import OrderedDict
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sandbox.codec import MAX_BYTES, Codec, Malformed, Unplain, parse
from engine.sandbox.codeserver import Frames

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**200, max_value=2**300)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters())
    | st.binary(max_size=20)
)
KEYS = st.recursive(SCALARS, lambda inner: st.tuples(inner, inner), max_leaves=4)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)


def told(sender: Codec, receiver: Codec, *values: object) -> list[object]:
    return receiver.decode(*json.loads(f"[{sender.encode(values)}]"))


def kinds(value: object) -> object:
    """A value's shape with every type, since 1, 1.0 and True are equal."""
    if isinstance(value, dict):
        return [type(value), [(kinds(k), kinds(v)) for k, v in value.items()]]
    if isinstance(value, (list, tuple)):
        return [type(value), [kinds(item) for item in value]]
    return (type(value), repr(value))


@given(st.lists(VALUES, max_size=3))
def test_plain_values_arrive_as_they_are(values):
    assert kinds(told(Codec(), Codec(), *values)) == kinds(values)


# What JSON has itself: integers that fit into a word, finite floats.
SIMPLE = st.none() | st.booleans() | st.integers(-(2**61), 2**61) | st.text(st.characters())
SIMPLE |= st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(SIMPLE, max_size=4))
def test_short_ways_write_what_json_writes(values):
    assert Codec().encode(values) == f"{json.dumps(values)},[]"
    assert Codec().encode([values]) == f'[["r", 0]],[[0,{json.dumps(["l", values])}]]'
    assert parse(json.dumps(values)) == values


@pytest.mark.parametrize("text", ["", " 1", "1 ", "1 2", "[1", "x", "nul", "[" * 100_000, "1]"])
def test_a_text_that_is_not_one_value_is_refused(text):
    with pytest.raises(Malformed):
        parse(text)


@given(st.lists(st.text(st.characters(max_codepoint=127), min_size=1), max_size=6), st.data())
def test_frames_arrive_whole_wherever_they_are_cut(texts, data):
    # Packets are read one by one, however many have come.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            written = b"".join(len(text).to_bytes(4, "big") + text.encode() for text in texts)
            cuts = sorted(data.draw(st.lists(st.integers(0, len(written)), max_size=4)))
            for start, end in itertools.pairwise([0, *cuts, len(written)]):
                if start < end:
                    theirs.send(written[start:end])
        source = Frames(ours.fileno())
        assert list(iter(source.next, "")) == texts


@given(st.sets(st.integers() | st.text(max_size=5)))
def test_a_set_arrives_in_its_order_or_not_at_all(values):
    try:
        (found,) = told(Codec(), Codec(), values)
    except Unplain:
        found = list(values)
        assert list(set(found)) != found
    else:
        assert found == values
        assert list(found) == list(values)


class Sly(int):
    pass


class Colour(IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        complex(0, math.nan),
        [math.nan],
        {"a": math.nan},
        Sly(1),
        Colour.RED,
        OrderedDict(a=1),
        object(),
        len,
        lambda: 1,
        int,
        range(3),
        bytearray(b"x"),
        (n for n in [1]),
        ...,
        NotImplemented,
        "x" * (MAX_BYTES + 1),
        [0] * 100_000,
        [[] for _ in range(100_000)],
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_does_not_cross(value):
    with pytest.raises(Unplain):
        Codec().encode([value])


def test_tuples_nested_without_end_do_not_cross():
    value: tuple[object, ...] = ()
    for _ in range(10_000):
        value = (value,)
    with pytest.raises(Unplain):
        Codec().encode([value])


def test_what_the_code_changes_in_place_changes_in_the_test():
    test, code = Codec(), Codec()
    given_ = {"a": [1, 2], "s": {1}}
    (seen,) = told(test, code, given_)
    seen["a"].append(3)
    seen["s"].add(2)
    seen["new"] = seen["a"]
    assert told(code, test, None) == [None]
    assert given_ == {"a": [1, 2, 3], "s": {1, 2}, "new": [1, 2, 3]}
    assert given_["new"] is given_["a"]


def test_a_change_from_one_to_true_is_seen():
    test, code = Codec(), Codec()
    given_ = [1, 0.0]
    (seen,) = told(test, code, given_)
    seen[:] = [True, -0.0]
    told(code, test)
    assert repr(given_) == "[True, -0.0]"


def test_an_argument_that_comes_back_is_the_same_object():
    test, code = Codec(), Codec()
    given_ = [3, 1]
    (seen,) = told(test, code, given_)
    seen.sort()
    found, pair = told(code, test, seen, (seen, [1]))
    assert found is given_
    assert pair[0] is given_
    assert given_ == [1, 3]


def test_what_was_returned_stays_shared_in_later_calls():
    test, code = Codec(), Codec()
    kept = [1]
    (first,) = told(code, test, kept)
    first.append(2)
    told(test, code)
    assert kept == [1, 2]
    (again,) = told(code, test, kept)
    assert again is first


def test_a_cycle_crosses():
    value: list[object] = [1]
    value.append(value)
    (found,) = told(Codec(), Codec(), value)
    assert found[1] is found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from("rtfibclds "),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=1), inner),
    max_leaves=20,
)


@given(JSON, JSON)
def test_no_message_does_more_than_be_refused(wires, contents):
    try:
        found = Codec().decode(wires, contents)
    except Malformed:
        return
    assert isinstance(found, list)


@pytest.mark.parametrize(
    ("wires", "contents"),
    [
        ([["r", 0]], []),
        ([["r", -1]], [[0, ["l", []]]]),
        ([["r", True]], [[0, ["l", []]], [1, ["l", []]]]),
        ([["x", 1]], []),
        ([{}], []),
        ([], [[1, ["l", []]]]),
        ([], [[0, ["l", []]], [0, ["d", []]]]),
        ([], [[0, ["s", [["r", 0]]]]]),
        ([["i", "zz"]], []),
        ([["b", "0"]], []),
    ],
)
def test_a_message_that_makes_no_sense_is_refused(wires, contents):
    with pytest.raises(Malformed):
        Codec().decode(wires, contents)
