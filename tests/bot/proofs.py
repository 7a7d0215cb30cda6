"""A search's end, made by the engine's own parts, for tests of the words about it."""

from __future__ import annotations

from engine.candidates import STUB, AskOutcome, Candidate, Entry, Kind, Origin, Pool
from engine.cleanup.compose import compose
from engine.policy import StopReason
from engine.search import Exhausted, Solution
from engine.selection import choose, pair_score, suite_id
from engine.verdicts import Judgement, PairResult, Verdict

RIGHT = '''\
def gcd(a, b):
    """Return the greatest common divisor of the positive integers a and b."""
    while b:
        a, b = b, a % b
    return a
'''
WRONG = "def gcd(a, b):\n    return min(a, b)\n"
HANGING = "def gcd(a, b):\n    while True:\n        pass\n"

CHECKS = ["gcd(12, 8) == 4", "gcd(7, 3) == 1", "gcd(5, 5) == 5", "gcd(10, 5) == 5", "gcd(18, 12) == 6",
          "gcd(12, 18) == 12", "gcd(9, 6) == 6"]  # fmt: skip
VERDICTS = {"P": Verdict.PASSED, "F": Verdict.FAILED, "T": Verdict.TIMED_OUT}
ROWS = [(RIGHT, 14, "PPPPPFF"), (WRONG, 3, "FFPPFPP"), (HANGING, 1, "TT.....")]

OUTPUT = """\
============================= test session starts ==============================
collected 1 item

test_gcd.py .                                                            [100%]

============================== 1 passed in 0.01s ===============================
"""


def test_of(check: str) -> str:
    return f"from gcd import gcd\n\n\ndef test_gcd():\n    assert {check}\n"


def pool_of(
    rows: list[tuple[str, int, str]] = ROWS, checks: list[str] = CHECKS, *, given: int = 1
) -> Pool:
    """The pool of these codes (source, samples, a verdict per check)."""
    tests = [
        Candidate(Kind.TEST, test_of(check), origin=Origin.GIVEN if i < given else Origin.SAMPLED)
        for i, check in enumerate(checks)
    ]
    entries: list[Entry] = [*tests]
    for test in tests:
        entries.append(PairResult(STUB, test.id, Verdict.FAILED, error="NotImplementedError"))
    for source, seen, verdicts in rows:
        code = Candidate(Kind.CODE, source, logprob=-0.12)
        entries += [code] * seen
        entries += [
            PairResult(code.id, test.id, VERDICTS[sign])
            for test, sign in zip(tests, verdicts, strict=True)
            if sign != "."
        ]
    samples = sum(seen for _, seen, _ in rows)
    entries += [
        AskOutcome(
            Kind.CODE, Origin.SAMPLED, "dialogue", samples, samples, len(rows), 900, 4.0, 0.8, 256
        ),
        AskOutcome(Kind.TEST, Origin.SAMPLED, "dialogue", 12, 9, 7, 700, 3.0, 1.0, 256),
    ]
    return Pool().grown(entries)


def solution(pool: Pool | None = None, *, output: str = OUTPUT, judge: float = 0.62) -> Solution:
    pool = pool or pool_of()
    choice = choose(pool, min_asserts=4)
    assert choice is not None
    suite = suite_id(choice.tests)
    sources = [pool.candidates[t].source for t in choice.tests]
    return Solution(
        code=pool.candidates[choice.code_id].source,
        test=compose(sources, entry_point="gcd", import_line="from gcd import gcd"),
        score=pair_score(choice.evidence, judge, 0.0),
        choice=choice,
        judgement=Judgement(choice.code_id, suite, judge),
        code_judgement=Judgement(choice.code_id, None, 0.55),
        confirmation=PairResult(choice.code_id, suite, Verdict.PASSED, 0.31, output=output),
        pool=pool,
    )


def exhausted(pool: Pool | None = None) -> Exhausted:
    pool = pool or pool_of()
    return Exhausted(StopReason.EXHAUSTED, choose(pool, min_asserts=4), pool)


def hostile_solution(text: str) -> Solution:
    """A solution in which the model and the test wrote `text` wherever they could."""
    quoted = repr(text)
    right = f"{RIGHT}\n\nNOTE = {quoted}\n"
    checks = [f"gcd({i}, {i}) == {i}, {quoted}" for i in range(1, 6)]
    return solution(pool_of([(right, 5, "PPPPP"), (WRONG, 1, "FPPPF")], checks), output=text)
