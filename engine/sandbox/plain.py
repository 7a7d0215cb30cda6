"""Which codes and tests are plain: read from their sources, without running anything.

A plain test calls the function under test with plain values and asserts on what comes back; a plain
code is a function over plain values that touches nothing outside. Such a pair can run in two
processes between which only values cross (`engine.sandbox.codec`), many tests of one code in one go,
with the verdict that pytest gives. Everything that is not known to be plain takes the full path.

A test's list says what is allowed, since its process is trusted with the outcome. A code's list is
only about equal verdicts: its process is trusted with nothing.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

MODULES = frozenset({
    *("bisect", "cmath", "collections", "copy", "fractions", "functools", "heapq", "itertools"),
    *("math", "numbers", "operator", "re", "statistics", "string", "textwrap", "typing"),
})  # fmt: skip
"""What a plain code may import."""
BUILTINS = frozenset(dir(builtins))
HOOKS = ("test", "Test", "pytest", "setup", "teardown")
"""What a name starts with that pytest itself looks for."""


@dataclass(frozen=True, slots=True)
class PlainTest:
    """What is known of a plain test.

    `cases` is how many of them pytest runs, `catches` whether it handles exceptions. `calls` are all
    calls that it makes, encoded and in order, where they can be told beforehand: its code can then
    answer them without waiting for the test in between. Empty where they cannot.
    """

    cases: int
    catches: bool
    calls: tuple[str, ...] = ()

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        """From its fields, as they come out of JSON."""
        return cls(message["cases"], message["catches"], tuple(message["calls"]))


@dataclass(frozen=True, slots=True)
class PlainCode:
    """A plain code: whether one call may change what a later one gives, and whether it caches."""

    keeps_state: bool
    caches: bool = False


class NotPlain(Exception):
    """Found something that is not on the list."""


def may_be_plain(entry_point: str) -> bool:
    """Whether a function of this name is imported as any other: no library's, no hook of pytest's."""
    taken = sys.stdlib_module_names | {"pytest", "engine"} | BUILTINS
    return entry_point not in taken and not entry_point.startswith((*HOOKS, "_"))


def parse(source: str) -> ast.Module | None:
    """The tree of a source; None where it does not parse.

    Raises NotPlain for a file that names its encoding, which only a file has.
    """
    if any("coding" in line for line in source.split("\n", 2)[:2]):
        raise NotPlain
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    except (RecursionError, MemoryError) as error:
        raise NotPlain from error


def name_of(node: ast.AST) -> str:
    """The name that an expression is, empty for any other."""
    return node.id if isinstance(node, ast.Name) else ""


def is_dunder(name: str) -> bool:
    """Whether a name is one of Python's own, as `__file__` is and `____` is not."""
    return name.startswith("__") and name.endswith("__") and bool(name.strip("_"))
