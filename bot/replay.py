"""Runs every pair of a kept pool again: does the same matrix come out, and the same choice?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from engine.candidates import STUB, Pool
from engine.cleanup.tests import compose
from engine.sandbox.base import Sandbox
from engine.selection import Choice, choose, suite_id
from engine.spec import FunctionSpec
from engine.splice import splice
from engine.verdicts import PairResult, Verdict


@dataclass(frozen=True, slots=True)
class Difference:
    """A pair that did not end as it is kept; `now` is None where it did not run at all."""

    pair: tuple[str, str]
    kept: Verdict
    now: Verdict | None


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of it: how many pairs ran, which ended differently, and the choice each time."""

    pairs: int
    differences: tuple[Difference, ...]
    kept_choice: Choice | None
    choice: Choice | None

    @property
    def same_choice(self) -> bool:
        """Whether the same code is chosen with the same asserts."""
        return _essence(self.kept_choice) == _essence(self.choice)

    @property
    def is_same(self) -> bool:
        return not self.differences and self.same_choice


def replay(
    spec: FunctionSpec,
    pool: Pool,
    sandbox: Sandbox,
    *,
    min_asserts: int,
    timeout_s: float = 10.0,
    observer: Callable[[int, int], None] = lambda done, pairs: None,
) -> Replay:
    """Run all pairs of `pool` whose outcome is kept, the suite that would ship included.

    `observer` is told how many of how many have run. Raises SandboxUnavailable.
    """
    kept_choice = choose(pool, min_asserts=min_asserts)
    tests = {key: pool.candidates[key].source for key in pool.tests}
    if kept_choice is not None:
        tests[suite_id(kept_choice.tests)] = _suite(spec, pool, kept_choice)
    modules = _modules(spec, pool)
    kept = {
        pair: result.verdict
        for pair, result in pool.results.items()
        if result.verdict.is_final and pair[0] in modules and pair[1] in tests
    }
    found: dict[tuple[str, str], PairResult] = {}
    if kept:
        for result in sandbox.run_pairs(
            {code: modules[code] for code, _ in kept},
            {test: tests[test] for _, test in kept},
            entry_point=spec.import_name,
            timeout_s=timeout_s,
            pairs=list(kept),
        ):
            found[result.pair] = result
            observer(len(found), len(kept))
    return Replay(
        pairs=len(kept),
        differences=_differences(kept, found),
        kept_choice=kept_choice,
        choice=choose(_with_results(pool, found), min_asserts=min_asserts),
    )


def _modules(spec: FunctionSpec, pool: Pool) -> dict[str, str]:
    """The stub's module with each code in the stub's place, and as it is."""
    codes = {key: pool.candidates[key].source for key in pool.codes}
    filled = {key: splice(spec.module, spec.qualname, source) for key, source in codes.items()}
    return {STUB: spec.module, **filled}


def _suite(spec: FunctionSpec, pool: Pool, choice: Choice) -> str:
    return compose(
        [pool.candidates[test].source for test in choice.tests],
        entry_point=spec.entry_point,
        import_line=f"from {spec.import_name} import {spec.import_name}",
    )


def _differences(
    kept: Mapping[tuple[str, str], Verdict], found: Mapping[tuple[str, str], PairResult]
) -> tuple[Difference, ...]:
    now = {pair: found[pair].verdict if pair in found else None for pair in kept}
    return tuple(
        Difference(pair, verdict, now[pair])
        for pair, verdict in kept.items()
        if now[pair] is not verdict
    )


def _with_results(pool: Pool, found: Mapping[tuple[str, str], PairResult]) -> Pool:
    """The same candidates, each as often as it was sampled, with the results of today."""
    return replace(pool, results={}, hurt={}).grown(found.values())


def _essence(choice: Choice | None) -> tuple[str, frozenset[str]] | None:
    return None if choice is None else (choice.code_id, frozenset(choice.tests))
