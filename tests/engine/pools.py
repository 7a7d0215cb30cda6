"""Pools made from a drawing of the matrix, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.candidates import STUB, AskOutcome, Candidate, Entry, Kind, Origin, Pool
from engine.verdicts import PairResult, Verdict

VERDICTS = {
    "P": Verdict.PASSED,
    "F": Verdict.FAILED,
    "T": Verdict.TIMED_OUT,
    "E": Verdict.SANDBOX_ERROR,
}


def code(index: int, **about: object) -> Candidate:
    return Candidate(Kind.CODE, f"def f(x):\n    return {index}\n", **about)  # type: ignore[arg-type]


def unit(index: int, **about: object) -> Candidate:
    source = f"from f import f\n\n\ndef test_f():\n    assert f({index}) == {index}\n"
    return Candidate(Kind.TEST, source, **about)  # type: ignore[arg-type]


def drawn(
    rows: Sequence[str],
    *,
    seen: Sequence[int] = (),
    logprobs: Sequence[float] = (),
    given: int = 0,
    stub: str = "",
    asks: Sequence[AskOutcome] = (),
) -> Pool:
    """A pool with a code per row and a test per column; P, F, T, E or `.` (not run) per pair.

    `stub` is the row of the stub itself, all failing when left out. `given` tests come from people.
    """
    width = max((len(row) for row in rows), default=len(stub))
    stub = stub or "F" * width
    tests = [unit(i, origin=Origin.GIVEN if i < given else Origin.SAMPLED) for i in range(width)]
    entries: list[Entry] = list(tests)
    for index, row in enumerate(rows):
        logprob = logprobs[index] if logprobs else -0.1
        candidate = code(index, logprob=logprob)
        entries += [candidate] * (seen[index] if seen else 1)
        entries += results(candidate.id, tests, row)
    return Pool().grown([*entries, *results(STUB, tests, stub), *asks])


def results(code_id: str, tests: Sequence[Candidate], row: str) -> list[PairResult]:
    return [
        PairResult(code_id, test.id, VERDICTS[sign])
        for test, sign in zip(tests, row, strict=False)
        if sign != "."
    ]


def outcome(kind: Kind, samples: int, origin: Origin = Origin.SAMPLED) -> AskOutcome:
    return AskOutcome(kind, origin, "dialogue", samples, samples, samples, 10 * samples, 1.0)
