"""Readers of a YAML file's values: each gives what the configuration holds, or a Problem. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.limits import MAX_COUNT
from bot.suggest import did_you_mean
from bot.yamlfile import Problem, Value

Reader = Callable[[Value], object]
"""A key's value as what the configuration holds, or a Problem."""


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of known keys, each given once, that becomes a `kind`."""

    kind: type[Any]
    keys: Mapping[str, Reader]
    prefix: str = ""

    def read(self, section: Value) -> object:
        """The section, or its problem, or a list of all the problems in it."""
        pairs = section.pairs
        if pairs is None:
            return wants(section, "lines of key: value")
        values: dict[str, object] = {}
        problems: list[Problem] = []
        for key, value in pairs:
            name = key.scalar
            if name is None or name not in self.keys:
                hint = did_you_mean(name or "", [*self.keys])
                problems.append(Problem(key.line, f"unknown key {key}{hint}"))
            elif name in values:
                problems.append(
                    Problem(key.line, f"{self.prefix}{name} is given twice; give it once")
                )
            else:
                read = values[name] = self._value(name, value)
                problems += problems_of(read, f"{self.prefix}{name}")
        return problems or self.kind(**values)

    def _value(self, name: str, value: Value) -> object:
        default = next(f.default for f in dataclasses.fields(self.kind) if f.name == name)
        if value.is_null and default is None:
            return None
        return self.keys[name](value)


def problems_of(read: object, name: str) -> list[Problem]:
    """What a reader has to complain about, if anything, told with the key's name."""
    if isinstance(read, Problem):
        return [Problem(read.line, f"{name} {read.message}")]
    # A section has told its keys' names already.
    return read if isinstance(read, list) else []


def wants(value: Value, wanted: str) -> Problem:
    """That the value must be something else; its key's name is put in front later."""
    return Problem(value.line, f"must be {wanted}, not {'empty' if value.is_null else value}")


def flag(value: Value) -> object:
    """True or false, as YAML 1.1 has them."""
    known = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    word = (value.scalar or "").lower()
    return known[word] if word in known else wants(value, "true or false")


def count(least: int) -> Reader:
    """A whole number from `least` to MAX_COUNT."""

    def read(value: Value) -> object:
        said = value.scalar or ""
        number = int(said) if re.fullmatch(r"[0-9]{1,9}", said) else -1
        if least <= number <= MAX_COUNT:
            return number
        return wants(value, f"a whole number from {least} to {MAX_COUNT}")

    return read


def number_in(low: float, high: float, wanted: str, *, above: bool = False) -> Reader:
    """A number from `low`, or `above` it, to `high`."""

    def read(value: Value) -> object:
        said = value.scalar or ""
        number = float(said) if re.fullmatch(r"[0-9]{0,9}\.?[0-9]{1,9}", said) else None
        if number is None or not low <= number <= high or (above and number == low):
            return wants(value, wanted)
        return number

    return read


def text(fits: Callable[[str], bool], wanted: str) -> Reader:
    """A scalar that `fits`."""

    def read(value: Value) -> object:
        said = value.scalar
        return said if said is not None and fits(said) else wants(value, wanted)

    return read


def list_of(fits: Callable[[str], bool], wanted: str) -> Reader:
    """A list of scalars that all fit, as a tuple."""

    def read(value: Value) -> object:
        items = value.items
        if items is None:
            return wants(value, "a list, each entry on a line that begins with '- '")
        for item in items:
            if item.scalar is None or not fits(item.scalar):
                return Problem(item.line, f"must hold {wanted}, not {item}")
        return tuple(item.scalar for item in items if item.scalar is not None)

    return read
