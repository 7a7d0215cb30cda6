"""Which tests a test's source defines, and whether a report accounts for all of them.

Runs inside the sandbox. What a candidate's process says of itself is believed only where it agrees
with the source, which is read before any of the candidate's code has run.
"""

from __future__ import annotations

import ast
import base64
import marshal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from _pytest.assertion.rewrite import rewrite_asserts

TEST_MODULE = "test_candidate"
# Longer sources are no unit tests, and parsing them would only cost time.
MAX_SOURCE = 512 * 1024
_REMEMBERED = 4 << 20
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a test's source defines.

    `names` are the tests that must pass, as `test_x` or `TestC::test_m`; `problem` says why there
    are none. `code` is the module compiled as pytest would and marshalled: the parent keeps it for
    later pairs, and only candidates' processes ever read it.
    """

    names: frozenset[str]
    problem: str = ""
    code: bytes = b""

    def to_message(self) -> dict[str, Any]:
        """As plain values."""
        code = base64.b64encode(self.code).decode("ascii")
        return {"names": sorted(self.names), "problem": self.problem, "code": code}

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Self:
        """The inverse of `to_message`. Raises ValueError."""
        code = base64.b64decode(message["code"], validate=True)
        return cls(frozenset(message["names"]), str(message["problem"]), code)


class Examined:
    """What is known of tests, by their sources, for all batches: the oldest is forgotten first."""

    def __init__(self, limit: int = _REMEMBERED) -> None:
        """`limit`: most bytes of sources and compiled modules together."""
        self._limit, self._size = limit, 0
        self._known: dict[str, Expected] = {}

    def get(self, source: str) -> Expected | None:
        """What is known of the test, None if nothing is."""
        return self._known.get(source)

    def add(self, source: str, expected: Expected) -> None:
        """Remember it, unless it alone is more than may be kept."""
        if source in self._known:
            return
        self._known[source] = expected
        self._size += _size(source, expected)
        while self._size > self._limit:
            oldest = next(iter(self._known))
            self._size -= _size(oldest, self._known.pop(oldest))


def _size(source: str, expected: Expected) -> int:
    return len(source) + len(expected.code)


def examine(source: str) -> Expected:
    """Read which tests pytest will collect from `source`, without running it."""
    if len(source) > MAX_SOURCE:
        return Expected(frozenset(), f"the test is longer than {MAX_SOURCE} characters")
    try:
        data = source.encode()
        tree = ast.parse(data, filename=f"{TEST_MODULE}.py")
        names = frozenset(_tests_in(tree.body))
        rewrite_asserts(tree, data)
        code = compile(tree, f"{TEST_MODULE}.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return Expected(frozenset(), f"{type(error).__name__}: {error}")
    except (RecursionError, MemoryError):
        return Expected(frozenset(), "the test is nested too deeply")
    problem = "" if names else "no test function"
    return Expected(names, problem, marshal.dumps(code))


def _tests_in(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, _FUNCTIONS):
            if node.name.startswith("test"):
                yield node.name
        elif isinstance(node, ast.ClassDef) and _is_test_class(node):
            for method in node.body:
                if isinstance(method, _FUNCTIONS) and method.name.startswith("test"):
                    yield f"{node.name}::{method.name}"


def _is_test_class(node: ast.ClassDef) -> bool:
    if any(ast.unparse(base).endswith("TestCase") for base in node.bases):
        return True
    # As in pytest: a class with a constructor is no test class.
    has_constructor = any(
        isinstance(item, ast.FunctionDef) and item.name in {"__init__", "__new__"}
        for item in node.body
    )
    return node.name.startswith("Test") and not has_constructor


@dataclass(frozen=True, slots=True)
class Finding:
    """What a report amounts to: `error` is empty only if every expected test ran and passed."""

    error: str = ""
    message: str = ""
    output: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing at all speaks against the pair."""
        return not self.error


def judge(report: Mapping[str, Any], expected: Expected) -> Finding:
    """Hold a process' report against what its test's source defines."""
    failure = report.get("failure")
    if isinstance(failure, dict):
        error, message, output = (
            str(failure.get(key, "")) for key in ("error", "message", "output")
        )
        return Finding(error or "exit", message, output)
    tests = report.get("tests")
    if not isinstance(tests, dict):
        return Finding("forged", "the report does not list the tests")
    for name, outcome in tests.items():
        if outcome != "passed":
            return Finding("exit", f"{name} was {outcome}")
    if report.get("exitstatus") in (2, 3):
        return Finding("exit", f"pytest was ended with {report['exitstatus']}")
    missing = sorted(expected.names - {name.partition("[")[0] for name in tests})
    if missing:
        return Finding("collection", f"{missing[0]} was not collected")
    if report.get("exitstatus") != 0:
        return Finding("exit", f"pytest ended with {report.get('exitstatus')}")
    if report.get("touched"):
        return Finding("forged", f"{report['touched']} while the test ran")
    if report.get("threads"):
        return Finding("exit", "threads were left running")
    return Finding()
