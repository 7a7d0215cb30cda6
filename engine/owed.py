"""What the sandbox owes a pool, and in which order that pays: a part of the policy. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from engine.candidates import STUB, Pool
from engine.verdicts import Verdict

Pair: TypeAlias = tuple[str, str]
"""The ids of a code and of a test."""

PAIRS_AT_ONCE = 128
"""Most pairs handed to the sandbox in one action, so that what hangs is known before it hangs again."""

ENOUGH_RUNS = 8
"""After so many runs without one pass, a code or a test is not promising: the others go first."""

HANGING_AT_ONCE = 2
"""So many pairs that may well hang are run in one action: each can take its whole timeout."""

PATIENCE = 3
"""How often a code, or a test, may time out before it is left alone, unless it passed more often."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What the sandbox owes that can change the choice, and what it should be given next.

    `next_hopeless` is what hardly can change it, for when nothing else is to do, and `next_hanging`
    what may hang besides, for the very end. `hung` are the codes and tests that timed out and hardly
    ever passed. `is_probe`: what is next is to tell such.
    """

    promising: Sequence[Pair] = ()
    next_promising: Sequence[Pair] = ()
    next_hopeless: Sequence[Pair] = ()
    next_hanging: Sequence[Pair] = ()
    hung: frozenset[str] = frozenset()
    is_probe: bool = False

    def hangs(self, pool: Pool, running: Sequence[Pair]) -> bool:
        """Whether these are many, and those still to come have a code or a test that hangs."""
        return len(running) > HANGING_AT_ONCE and any(
            pool.verdict(*pair) is None and self.hung & set(pair) for pair in running
        )


def owed_pairs(pool: Pool) -> Owed:
    """What the sandbox owes, in the order in which it pays most.

    Tests meet the stub first: one that passes on it, or does not run at all, gets no column. Then
    every new code meets one test alone, and every new test one of the two codes that passed most, so
    that one that hangs is found out by one timeout and not by one for every test or code. Then each
    meets all others, the asserts written most often first. Codes that passed nothing so far, and tests
    that nothing passed, come last, and what hung comes after them, a little at a time.
    """
    owed = list(pool.untested_pairs())
    if not owed:
        return Owed()
    on_stub = [pair for pair in owed if pair[0] == STUB]
    runs: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    timed_out: list[Pair] = []
    for pair, result in pool.results.items():
        if pair[0] == STUB:
            continue
        runs.update(pair)
        if result.verdict is Verdict.PASSED:
            passed.update(pair)
        elif result.verdict is Verdict.TIMED_OUT:
            timed_out.append(pair)
    # Whichever never passed is to blame: a huge argument, and not the code that recurses.
    timeouts = Counter(
        name for pair in timed_out for name in [n for n in pair if not passed[n]] or pair
    )
    stalled = {name for name, n in timeouts.items() if n >= PATIENCE and n > passed[name]}
    hung = {name for name, n in timeouts.items() if 2 * n >= passed[name]}
    hopeless = {name for name, n in runs.items() if n >= ENOUGH_RUNS and not passed[name]} | hung
    order = {t: i for i, t in enumerate(sorted(pool.live_tests, key=lambda t: -pool.seen[t]))}
    owed = [pair for pair in owed if pair[0] != STUB and not stalled & set(pair)]
    owed.sort(key=lambda pair: (not runs[pair[1]], order[pair[1]]))
    promising = [pair for pair in owed if not hopeless & set(pair)]
    late = [pair for pair in owed if hopeless & set(pair)]
    new_codes = [pair for pair in promising if not runs[pair[0]]]
    new_tests = [pair for pair in promising if runs[pair[0]] and not runs[pair[1]]]
    probes = _one_each(new_codes) + _by_the_best(new_tests, passed)
    patient = [pair for pair in late if not hung & set(pair)]
    return Owed(
        promising,
        on_stub or probes or promising[:PAIRS_AT_ONCE],
        patient[:PAIRS_AT_ONCE],
        _apart([pair for pair in late if hung & set(pair)], HANGING_AT_ONCE),
        frozenset(hung),
        # What people gave as an example may take its time.
        bool(probes) and not on_stub and not {t for _, t in probes} & set(pool.given_tests),
    )


def _one_each(pairs: list[Pair]) -> list[Pair]:
    """The first pair of each code."""
    return list({code: (code, test) for code, test in reversed(pairs)}.values())[::-1]


def _by_the_best(pairs: list[Pair], passed: Counter[str]) -> list[Pair]:
    """A pair for each test, with the code that passed most and the second in turn.

    The tests of one code run one after the other, so two of them hang in the time of one.
    """
    codes = sorted(dict.fromkeys(code for code, _ in pairs), key=lambda code: -passed[code])[:2]
    best = [code for code in codes if 2 * passed[code] >= passed[codes[0]]]
    there = set(pairs)
    turns = enumerate(dict.fromkeys(test for _, test in pairs))
    wanted = [(best[turn % len(best)], test) for turn, test in turns]
    missing = {test: code for code, test in reversed(pairs)}
    return [pair if pair in there else (missing[pair[1]], pair[1]) for pair in wanted]


def _apart(pairs: list[Pair], most: int) -> list[Pair]:
    """The first pairs of which no two share a code or a test."""
    found: list[Pair] = []
    for pair in pairs:
        if len(found) < most and not {name for other in found for name in other} & set(pair):
            found.append(pair)
    return found
