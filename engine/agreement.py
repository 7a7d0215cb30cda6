"""Sets of tests and all codes that agree on them: what `selection` judges a code by. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_


@dataclass(frozen=True, slots=True)
class Agreement:
    """A set of tests and all codes that pass every one of them, by their indices.

    `worth` is the number of the tests times the square root of the codes' weight.
    """

    worth: float
    tests: tuple[int, ...]
    codes: tuple[int, ...]


def agreements(passes: Sequence[Sequence[bool | None]], votes: Sequence[float]) -> list[Agreement]:
    """For each code, the agreement of the greatest worth among tests that it passes.

    The worth is CodeT's (Chen et al. 2022, "CodeT: Code Generation with Generated Tests"), tests
    times the square root of codes. CodeT groups codes that pass exactly the same tests; but one odd
    assert, about an input that the task does not speak of, would part codes that agree on all
    others. So tests are left out, the most divisive first, as long as that gains worth (greedily:
    the best such set is a maximum biclique, which is hard to find).
    """
    matrix = _Matrix(passes, votes)
    found: dict[tuple[bool | None, ...], Agreement] = {}
    for row in passes:
        key = tuple(row)
        if key not in found:
            found[key] = _best_agreement(matrix, [t for t, ok in enumerate(row) if ok])
    return [found[tuple(row)] for row in passes]


class _Matrix:
    """Who passes what, as bit masks: of codes for a test, of tests for a code."""

    def __init__(self, passes: Sequence[Sequence[bool | None]], votes: Sequence[float]) -> None:
        self.columns = [0] * (len(passes[0]) if passes else 0)
        self.rows = [0] * len(passes)
        for code, row in enumerate(passes):
            for test, passed in enumerate(row):
                if passed:
                    self.columns[test] |= 1 << code
                    self.rows[code] |= 1 << test
        self.weigh = _Scales(votes)


def _best_agreement(matrix: _Matrix, tests: Sequence[int]) -> Agreement:
    kept = _Kept(matrix, tests)
    worth = best = kept.size * math.sqrt(matrix.weigh(kept.codes))
    dropped, best_codes = 0, kept.codes
    # Far below the best there is no way back up that would be worth the search.
    while kept.columns > 1 and worth > best / 2:
        worth = kept.drop()
        if worth > best:
            best, dropped, best_codes = worth, len(kept.dropped), kept.codes
    out = {test for column in kept.dropped[:dropped] for test in column}
    return Agreement(
        worth=best,
        tests=tuple(test for test in tests if test not in out),
        codes=tuple(_members(best_codes)),
    )


class _Kept:
    """The tests that an agreement still asks for, and the codes that pass all of them.

    Tests that the same codes pass stand and fall as one column. To drop one takes time for what
    changes by it and not for the whole matrix: what is gained by dropping a column are the codes that
    fail this one alone, so it is counted for every code how many of the columns it fails.
    """

    def __init__(self, matrix: _Matrix, tests: Sequence[int]) -> None:
        alike: dict[int, list[int]] = {}
        for test in tests:
            alike.setdefault(matrix.columns[test], []).append(test)
        self._matrix = matrix
        self._tests = list(alike.values())
        self._column_of = {test: i for i, column in enumerate(self._tests) for test in column}
        self._everybody = reduce(or_, alike, 0)
        self._failing = [self._everybody & ~passing for passing in alike]
        # The counts of all codes side by side: bit k of a code's count is its bit in plane k.
        self._counts = [0]
        for failing in self._failing:
            self._add(failing)
        self._left = sum(1 << test for test in tests)
        self._smallest = sorted(range(len(alike)), key=lambda i: (len(self._tests[i]), i))
        self._gains: dict[int, int] = {}
        self._once = 0
        self.size = len(tests)
        self.columns = len(alike)
        self.codes = 0
        self.dropped: list[list[int]] = []
        self._look()

    def drop(self) -> float:
        """Leave out the column after which the rest is worth most; that worth."""
        weigh = self._matrix.weigh
        worths = [
            ((self.size - len(self._tests[i])) * math.sqrt(weigh(self.codes | gained)), -i)
            for i, gained in self._gains.items()
        ]
        # Of those that gain nobody it is the smallest.
        rest = next((i for i in self._smallest if i not in self._gains), None)
        if rest is not None:
            left = self.size - len(self._tests[rest])
            worths.append((left * math.sqrt(weigh(self.codes)), -rest))
        worth, column = max(worths)
        self._leave_out(-column)
        return worth

    def _leave_out(self, column: int) -> None:
        tests = self._tests[column]
        self.dropped.append(tests)
        self.size -= len(tests)
        self.columns -= 1
        self._left &= ~sum(1 << test for test in tests)
        self._smallest.remove(column)
        self._gains.pop(column, None)
        self._subtract(self._failing[column])
        self._look()

    def _look(self) -> None:
        """Who fails nothing now, and who fails but one column and which."""
        more = reduce(or_, self._counts[1:], 0)
        once = self._counts[0] & ~more
        self.codes = self._everybody & ~(self._counts[0] | more)
        for code in _members(once & ~self._once):
            failed = self._left & ~self._matrix.rows[code]
            column = self._column_of[failed.bit_length() - 1]
            self._gains[column] = self._gains.get(column, 0) | 1 << code
        self._once = once

    def _add(self, codes: int) -> None:
        for plane, bits in enumerate(self._counts):
            self._counts[plane], codes = bits ^ codes, bits & codes
            if not codes:
                return
        self._counts.append(codes)

    def _subtract(self, codes: int) -> None:
        for plane, bits in enumerate(self._counts):
            self._counts[plane], codes = bits ^ codes, ~bits & codes
            if not codes:
                return


class _Scales:
    """Weighs sets of codes, given as bit masks; remembers what it has weighed."""

    def __init__(self, votes: Sequence[float]) -> None:
        # Eight codes at a time: the sum of every one of their subsets.
        self._sums = [_subset_sums(votes[i : i + 8]) for i in range(0, len(votes), 8)]
        self._known: dict[int, float] = {}

    def __call__(self, codes: int) -> float:
        if codes not in self._known:
            parts = codes.to_bytes(len(self._sums), "little")
            sums = zip(self._sums, parts, strict=True)
            self._known[codes] = sum(table[part] for table, part in sums)
        return self._known[codes]


def _subset_sums(votes: Sequence[float]) -> list[float]:
    sums = [0.0]
    for vote in votes:
        sums += [sum_ + vote for sum_ in sums]
    return sums


def _members(codes: int) -> Iterator[int]:
    while codes:
        lowest = codes & -codes
        yield lowest.bit_length() - 1
        codes ^= lowest
