"""What one run still owes, and which way each pair takes. Pure: messages in, messages and results out.

Plain tests of a plain code go together, as a row, and nothing of the code's shares their process.
Everything else, and what turns out in a row not to be plain, takes the full path: pytest, with code
and test in one process. A code's first pass there counts only once the code has failed a control, the
same test contradicted.
"""

from __future__ import annotations

import functools
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from engine.sandbox.controls import contradict
from engine.sandbox.plain import PlainTest, may_be_plain
from engine.sandbox.plaincode import read_code
from engine.sandbox.plaintest import read_test
from engine.verdicts import Isolation, PairResult, Verdict

ROW = 64
"""Most tests in one row: its results come when it ends."""

# A pool grows, and most of it was read the last time.
_read_code = functools.lru_cache(maxsize=1024)(read_code)
_read_test = functools.lru_cache(maxsize=1024)(read_test)
_TRIES = 2
_LEAVES = 2
Pair: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """Plain tests of one code, to be run in one go."""

    code: str
    tests: tuple[str, ...]
    ahead: bool


@dataclass(frozen=True, slots=True)
class Full:
    """One pair for pytest; with `control`, the code's control, made of this test."""

    code: str
    test: str
    control: str = ""


Unit: TypeAlias = Row | Full


@dataclass(slots=True)
class _Trust:
    """What a code's passes in a shared process are worth: held back until its control has run."""

    held: list[PairResult] = field(default_factory=list)
    known: bool | None = None
    asked: bool = False


class Plan:
    """The units that are owed, in order; those on their second try come one at a time."""

    def __init__(
        self,
        wanted: Sequence[Pair],
        codes: Mapping[str, str],
        tests: Mapping[str, str],
        *,
        entry_point: str,
        separate: bool,
    ) -> None:
        """`separate`: whether the sandbox has the users that rows need."""
        self.plain: dict[str, PlainTest] = {}
        self._tests = tests
        self._fresh: deque[Unit] = deque()
        self._again: deque[Full] = deque()
        self._second = False
        self._tries: Counter[Pair] = Counter()
        self._left: Counter[str] = Counter()
        self._trust: dict[str, _Trust] = {}
        if not (separate and may_be_plain(entry_point)):
            self._fresh.extend(Full(*pair) for pair in wanted)
            return
        asked = dict.fromkeys(test for _, test in wanted)
        read = {test: _read_test(tests[test], entry_point) for test in asked}
        self.plain = {test: known for test, known in read.items() if known}
        by_code: dict[str, list[str]] = {}
        for code, test in wanted:
            by_code.setdefault(code, []).append(test)
        for code, of_code in by_code.items():
            self._fresh.extend(self._units(code, codes[code], of_code, entry_point))

    def _units(
        self, code: str, source: str, tests: Sequence[str], entry_point: str
    ) -> Iterator[Unit]:
        known = _read_code(source, entry_point)
        plain = [test for test in tests if known and test in self.plain]
        # First those whose calls can be made ahead, all in one go.
        plain.sort(key=lambda test: not self.plain[test].calls)
        size = 1 if known and known.keeps_state else ROW
        ahead = known is not None and not (known.keeps_state or known.caches)
        for start in range(0, len(plain), size):
            yield Row(code, tuple(plain[start : start + size]), ahead)
        in_rows = set(plain)
        yield from (Full(code, test) for test in tests if test not in in_rows)

    @property
    def is_done(self) -> bool:
        """Whether nothing is owed beyond what is in flight."""
        return not (self._fresh or self._again)

    def is_alone(self, in_flight: int) -> bool:
        """Whether what runs now, while `in_flight` are out, or next, has its second try."""
        self._second = self._second and bool(in_flight)
        return self._second or bool(self._again)

    def next(self, in_flight: int, window: int) -> Unit | None:
        """The next unit to send while `in_flight` are out, if there is room for one."""
        if self.is_alone(in_flight):
            if in_flight:
                return None
            self._second = True
            return self._again.popleft()
        return self._fresh.popleft() if self._fresh and in_flight < window else None

    def lost(self, units: Sequence[Unit], reason: str) -> Iterator[PairResult]:
        """The runner died with `units` in flight: each pair has one more try, on the full path."""
        for unit in units:
            tests = unit.tests if isinstance(unit, Row) else (unit.test,)
            control = unit.control if isinstance(unit, Full) else ""
            for test in tests:
                key = (unit.code, f"control of {test}" if control else test)
                self._tries[key] += 1
                if self._tries[key] < _TRIES:
                    self._again.append(Full(unit.code, test, control))
                elif control:
                    yield from self._judged(unit.code, honest=True)
                else:
                    yield _our_fault((unit.code, test), reason)

    def took_row(self, row: Row, results: Sequence[Mapping[str, Any]]) -> Iterator[PairResult]:
        """What a row's tests amount to; those without a verdict are owed again."""
        again = []
        for message in results:
            test = str(message["test"])
            if message["verdict"] == "leave":
                self._left[row.code] += 1
                self._fresh.appendleft(Full(row.code, test))
            elif message["verdict"] == "again":
                again.append(test)
            else:
                yield _result((row.code, test), message, Isolation.SEPARATE)
        if again and self._left[row.code] >= _LEAVES:
            # It breaks every row that it is in.
            self._fresh.extendleft(Full(row.code, test) for test in reversed(again))
        elif again:
            self._fresh.appendleft(Row(row.code, tuple(again), row.ahead))

    def took_full(
        self, unit: Full, message: Mapping[str, Any], words: Callable[[str], str]
    ) -> Iterator[PairResult]:
        """What a pair on the full path amounts to. `words` explains what a missing module means."""
        if unit.control:
            yield from self._judged(unit.code, honest=message["verdict"] != Verdict.PASSED)
            return
        result = _result((unit.code, unit.test), message, Isolation.SHARED)
        if result.error == "ModuleNotFoundError":
            result = replace(result, message=words(result.message))
        if result.verdict is not Verdict.PASSED:
            yield result
            return
        trust = self._trust.setdefault(unit.code, _Trust())
        trust.held.append(result)
        if trust.known is not None:
            yield from self._judged(unit.code, honest=trust.known)
        elif not trust.asked:
            trust.asked = True
            control = contradict(self._tests[unit.test])
            if control is None:
                yield from self._judged(unit.code, honest=True)
            else:
                self._fresh.appendleft(Full(unit.code, unit.test, control))

    def _judged(self, code: str, *, honest: bool) -> Iterator[PairResult]:
        trust = self._trust.setdefault(code, _Trust())
        held, trust.held, trust.known = trust.held, [], honest
        for result in held:
            yield (
                result
                if honest
                else replace(
                    result,
                    verdict=Verdict.FAILED,
                    error="forged",
                    message="it passes a test that contradicts this one too",
                )
            )


def _result(pair: Pair, message: Mapping[str, Any], isolation: Isolation) -> PairResult:
    return PairResult(
        code_id=pair[0],
        test_id=pair[1],
        verdict=Verdict(message["verdict"]),
        seconds=float(message["seconds"]),
        error=str(message["error"]),
        message=str(message["message"]),
        output=str(message["output"]),
        isolation=isolation,
    )


def _our_fault(pair: Pair, reason: str) -> PairResult:
    return PairResult(
        code_id=pair[0],
        test_id=pair[1],
        verdict=Verdict.SANDBOX_ERROR,
        error="sandbox",
        message=reason or "the sandbox broke twice on this pair",
    )
