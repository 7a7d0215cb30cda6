"""Plain values between a code's process and a test's: what is on the list crosses, nothing else.

Runs inside the sandbox, on both sides. On the list are None, bool, int, float (no NaN, whose identity
would be lost), complex, str, bytes, tuple, frozenset, list, dict and set, of exactly these types.

Lists, dicts and sets can change and can be reached by several ways, so they are numbered: both
sides keep the same table of them for the length of one test. Every message carries the contents
that are new or have changed since the last one, so an argument that the code changes in place
changes in the test too, and a code that returns its argument returns the test's own object.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii
from typing import Any

MAX_BYTES = 1 << 20
"""Longest message."""
MAX_VALUES = 50_000
"""Most values in one message, and most containers in one test's table."""

_MAX_NESTING = 40
_SMALL = 1 << 62
_MUTABLE = (list, dict, set)
_LETTERS: dict[type, str] = {list: "l", dict: "d", set: "s"}
_TYPES: dict[str, type] = {letter: kind for kind, letter in _LETTERS.items()}


_read = json.JSONDecoder().raw_decode


class Unplain(Exception):
    """A value that may not cross; the message says which."""


class Malformed(ValueError):
    """Bytes that this codec did not write."""


class Codec:
    """One side's table of containers, and the messages that keep it equal to the other side's."""

    def __init__(self) -> None:
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._written: list[str] = []
        self._values = 0

    def encode(self, values: list[Any] | tuple[Any, ...]) -> str:
        """`values`, and all contents that the other side does not know, as two JSON arrays.

        Raises Unplain.
        """
        few = not self._objects and len(values) <= MAX_VALUES
        if few and (texts := _simple(values)) is not None:
            return _bounded(f"[{texts}],[]")
        self._values = 0
        wires = json.dumps([self._wire(value, 0) for value in values])
        contents = []
        number = 0
        while number < len(self._objects):  # grows as contents are met
            text = self._content(self._objects[number])
            # As text, since 1, 1.0 and True are equal but not the same.
            if text != self._written[number]:
                self._written[number] = text
                contents.append(f"[{number},{text}]")
            number += 1
        return _bounded(f"{wires},[{','.join(contents)}]")

    def decode(self, wires: Any, contents: Any) -> list[Any]:
        """The values of an encoded message, with every change of a known container done to it.

        Raises Malformed.
        """
        try:
            if contents == [] and not any(map(_is_nested, wires)):
                return list(wires)
            for number, (letter, _) in contents:
                if number == len(self._objects):
                    self._register(_TYPES[letter]())
                elif type(self._objects[number]) is not _TYPES[letter]:
                    raise Malformed("a container that changes its type")
            for number, content in contents:
                self._written[number] = json.dumps(content)
                self._fill(self._objects[number], content[1])
            return [self._value(wire) for wire in wires]
        except (TypeError, ValueError, LookupError, RecursionError) as error:
            raise Malformed(f"not a message: {error}") from error

    def _register(self, container: Any) -> int:
        number = len(self._objects)
        if number > MAX_VALUES:
            raise Unplain("too many containers")
        self._objects.append(container)
        self._numbers[id(container)] = number
        self._written.append("")
        return number

    def _wire(self, value: Any, depth: int) -> Any:
        self._values += 1
        if self._values > MAX_VALUES:
            raise Unplain("too many values")
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if -_SMALL < value < _SMALL else ["i", hex(value)]
        if kind is float:
            return _no_nan(value)
        if kind in _MUTABLE:
            number = self._numbers.get(id(value))
            return ["r", self._register(value) if number is None else number]
        if depth > _MAX_NESTING:
            raise Unplain("values nested too deeply")
        if kind is tuple:
            return ["t", [self._wire(item, depth + 1) for item in value]]
        if kind is frozenset:
            return ["f", [self._wire(item, depth + 1) for item in _in_order(value)]]
        if kind is bytes:
            return ["b", value.hex()]
        if kind is complex:
            return ["c", _no_nan(value.real), _no_nan(value.imag)]
        raise Unplain(f"a value of type {kind.__name__}")

    def _content(self, container: Any) -> str:
        kind = type(container)
        if kind is dict:
            pairs = [[self._wire(k, 0), self._wire(v, 0)] for k, v in container.items()]
            return json.dumps(["d", pairs])
        items = _in_order(container) if kind is set else container
        self._values += len(items)
        if self._values <= MAX_VALUES and (texts := _simple(items)) is not None:
            return f'["{_LETTERS[kind]}", [{texts}]]'
        self._values -= len(items)
        return json.dumps([_LETTERS[kind], [self._wire(item, 0) for item in items]])

    def _fill(self, container: Any, items: Any) -> None:
        if type(container) is dict:
            filled = {self._value(k): self._value(v) for k, v in items}
            container.clear()
            container.update(filled)
        else:
            values = [self._value(item) for item in items]
            container.clear()
            (container.extend if type(container) is list else container.update)(values)

    def _value(self, wire: Any) -> Any:
        if not isinstance(wire, list):
            if isinstance(wire, dict):
                raise Malformed("an object")
            return wire
        letter, data, *rest = wire
        if letter == "r":
            if type(data) is not int or data < 0:
                raise Malformed("a reference to nothing")
            return self._objects[data]
        if letter == "t":
            return tuple([self._value(item) for item in data])
        if letter == "f":
            return frozenset([self._value(item) for item in data])
        if letter == "i":
            return int(data, 16)
        if letter == "b":
            return bytes.fromhex(data)
        if letter == "c":
            return complex(float(data), float(rest[0]))
        raise Malformed(f"an unknown value {letter!r}")


def parse(text: str) -> Any:
    """What `encode` wrote, with no space around it. Raises Malformed.

    `json.loads` without its looks for white space, which take longer than a short message.
    """
    try:
        value, end = _read(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"no JSON: {error}") from error
    if end != len(text):
        raise Malformed("more than one value")
    return value


def _simple(values: Iterable[Any]) -> str | None:
    """`values` as JSON has them itself, in the words of `json.dumps`; None if one needs more.

    Most calls and answers are such. It saves making an encoder for each.
    """
    texts = []
    for value in values:
        kind = type(value)
        if kind is int and -_SMALL < value < _SMALL:
            texts.append(repr(value))
        elif kind is str:
            texts.append(encode_basestring_ascii(value))
        elif kind is bool:
            texts.append("true" if value else "false")
        elif value is None:
            texts.append("null")
        elif kind is float and value - value == 0:
            texts.append(repr(value))
        else:
            return None
    return ", ".join(texts)


def _is_nested(wire: Any) -> bool:
    return isinstance(wire, list | dict)


def _bounded(text: str) -> str:
    if len(text) > MAX_BYTES:
        raise Unplain("a value of more than a megabyte")
    return text


def encode_call(names: list[str], values: list[Any], codec: Codec | None = None) -> str:
    """A call: `values` are the arguments, those of the keywords `names` last. Raises Unplain."""
    named = json.dumps(names) if names else "[]"
    return f"[{named},{(codec or Codec()).encode(values)}]"


def _no_nan(value: float) -> float:
    if value != value:
        raise Unplain("NaN, which is told by its identity")
    return value


def _in_order(items: set[Any] | frozenset[Any]) -> list[Any]:
    """The items of a set, if a set that is made of them has the same order."""
    found = list(items)
    if list(type(items)(found)) != found:
        raise Unplain("a set whose order depends on its history")
    return found
