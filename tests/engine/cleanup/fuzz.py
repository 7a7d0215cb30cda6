"""Fuzz cleaning: no exception, no hang, idempotent.

Not a test: run it by hand, for as long as you like.

python tests/engine/cleanup/fuzz.py --inputs 1000000          # seeded splices of code and chatter
python tests/engine/cleanup/fuzz.py --first 5000 --inputs 100 # inputs 5000 to 5099 of the same row
python tests/engine/cleanup/fuzz.py --atheris -runs=1000000   # guided by coverage (pip install atheris)
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

if "--atheris" in sys.argv:
    import atheris

    # What is imported before would have no counters of its branches.
    hooks: contextlib.AbstractContextManager[object] = atheris.instrument_imports(
        include=["engine.cleanup"]
    )
else:
    hooks = contextlib.nullcontext()
with hooks:
    from engine.cleanup import clean
    from engine.cleanup.repair import repair
    from engine.cleanup.syntax import parses
    from engine.cleanup.tests import clean_test, split_asserts

HANG_S = 10
"""Seconds of processor time: a busy machine is no hang."""

REPORT = 10_000
SHORT = 0.92
"""Share of short inputs: most faults need few pieces, and few pieces are quickly tried."""

PIECES = [
    *"()[]{}:,.'\"\\#`~@=+-*/%<>!&|^;$?_ \t\n\r\f\v\0",
    '\n    ', '\n\t', '\n        ', '\n', '    ', '"""', "'''", '```', '```python\n', '\n```\n',
    '~~~', 'def f(x):', 'def f(x', 'async def f(x):\n    await x', 'class A:',
    'class T(unittest.TestCase):', 'def test_f():', 'return x', 'yield x', 'if x:', 'else:',
    'elif x', 'for i in x:', 'while x', 'try:', 'except E as e:', 'finally:', 'with a as b:',
    'lambda x: x', 'match x:', 'case [a, *b]:', 'import os', 'from a import *',
    'from __future__ import annotations', 'assert f(1) == 2', 'self.assertEqual(f(1), 2)',
    'with pytest.raises(ValueError):', "@pytest.mark.parametrize('a, b', [(1, 2)])",
    "f'{x!r:>{y}}'", "f'{", 'x = 1', 'x: int = 1', 'x += 1', '[i for i in x]', '{**a}',
    'print(f(1))', "if __name__ == '__main__':", 'global x', 'nonlocal x', 'del x', '>>> f(1)',
    '... ', '1: ', '2: ', '+ ', '> ', 'Here is the code:', 'This function returns x.', '\u2026',
    '\u201c', '\u201d', '\u2019', '\xa0', '\u200b', '\ufeff', '\ud800', '\u2028', '\xe9',
    '\U0001d7d8', '0777', '1_0', '0x', '1e', '1j', 'not', ' and ', ' in ', 'is', 'await ', '*',
    '**', '->', ':=', '\\\n', 'type X = int', 'def f[T](x: T) -> T:', '# comment',
    '&lt;', '&quot;', '<pre><code>', '</code>', '\\n', '{"code": "', 'In [1]: ', '   ...: ',
    '@@ -1 +1 @@\n', '- ', '* ', '| ', '<|im_end|>', 'Answer: ', 'Return x', '} else {', 'then',
    'Traceback (most recent call last):', 'ValueError: x', 's = Solution()', 's.f(1)', 'self.n',
    '# yapf: disable', '# type: ignore', '((((((((((', '-' * 50, '[' * 60, 'x' * 100, ' ' * 120,
]  # fmt: skip
WHOLE = (
    "def f(x):\n"
    '    """Doc.\n'
    "\n"
    "    >>> f(1)\n"
    "    2\n"
    '    """\n'
    "    total = 0\n"
    "    for i in range(x):\n"
    "        if i % 2 == 0:\n"
    "            total += i\n"
    "        else:\n"
    "            total -= 1\n"
    "    return total\n",
    "import unittest\n"
    "\n"
    "class TestF(unittest.TestCase):\n"
    "    def setUp(self):\n"
    "        self.n = 3\n"
    "\n"
    "    def test_a(self):\n"
    "        self.assertEqual(f(self.n), 3)\n"
    "        with self.assertRaises(ValueError):\n"
    "            f(-1)\n",
    "```python\n"
    "def f(x):\n"
    "    return [y for y in x if y]\n"
    "```\n"
    "It works.\n"
    "\n"
    "```python\n"
    "assert f([1]) == [1]\n"
    "```\n",
    ">>> def f(x):\n...     return x\n...\n>>> f(1)\n1\n",
    "class Solution:\n"
    "    def f(self, x):\n"
    "        return x\n"
    "\n"
    "def test_f():\n"
    "    s = Solution()\n"
    "    for x in (1, 2):\n"
    "        assert s.f(x) == x\n"
    "\n"
    "def f(x):\n"
    "    return x\n"
    "\n"
    "def f(x):\n",
)


def generated(rng: random.Random) -> str:
    """Pieces in a row, few or many, or a whole text with pieces put in, cut out and lines moved."""
    if rng.random() < SHORT:
        return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 6)))
    if rng.random() < 0.4:
        return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 30)))
    text = rng.choice(WHOLE)
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(text) + 1)
        kind = rng.random()
        if kind < 0.5:
            text = text[:at] + rng.choice(PIECES) + text[at:]
        elif kind < 0.8:
            text = text[:at] + text[at + rng.randint(1, 8) :]
        else:
            lines = text.split("\n")
            lines.insert(rng.randrange(len(lines) + 1), lines.pop(rng.randrange(len(lines))))
            text = "\n".join(lines)
    return text


def check(text: str, subject: int) -> None:
    """What must hold for any text, of one of three subjects: code, code with a name, a test."""
    if subject < 2:
        _check_code(text, "f" if subject else None)
    else:
        _check_test(text)


def _check_code(text: str, entry_point: str | None) -> None:
    first = clean(text, entry_point=entry_point)
    second = clean(first.source, entry_point=entry_point)
    assert second.source == first.source, "clean is not idempotent"
    assert second.ok == first.ok
    if parses(text):
        assert repair(text) == text, "repair touched code that parses"


def _check_test(text: str) -> None:
    tested = clean_test(text, entry_point="f")
    again = clean_test(tested.source, entry_point="f")
    assert again.source == tested.source, "clean_test is not idempotent"
    for unit in split_asserts(tested.source, entry_point="f"):
        assert split_asserts(unit, entry_point="f") == [unit], "a unit does not split into itself"


def run_plain(inputs: int, seed: int, first: int = 0) -> int:
    """Seeded fuzzing of a range of inputs; prints each failing text, returns how many failed."""
    signal.signal(signal.SIGVTALRM, _ring)
    failures = 0
    started = time.monotonic()
    slowest = 0.0
    for number in range(first, first + inputs):
        text = generated(random.Random(f"{seed}/{number}"))
        begun = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, HANG_S)
        try:
            check(text, number % 3)
        except Exception as error:  # noqa: BLE001 - a fuzzer reports whatever comes
            failures += 1
            print(f"{number}: {type(error).__name__}: {error}\n{text!r}", flush=True)  # noqa: T201
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        slowest = max(slowest, time.process_time() - begun)
        if number % REPORT == REPORT - 1:
            print(f"up to {number}, {failures} failures, slowest {slowest:.2f} s", flush=True)  # noqa: T201
    rate = inputs / (time.monotonic() - started)
    print(f"{inputs} inputs, {failures} failures, {rate:.0f}/s, slowest {slowest:.2f} s")  # noqa: T201
    return failures


def _ring(signum: int, frame: object) -> None:
    raise TimeoutError("hang")


def run_atheris(arguments: list[str]) -> None:
    """Fuzzing guided by the coverage of engine.cleanup; libFuzzer's own options are `arguments`."""

    def one(data: bytes) -> None:
        provider = atheris.FuzzedDataProvider(data)
        subject = provider.ConsumeIntInRange(0, 2)
        if provider.ConsumeBool():
            text = provider.ConsumeUnicode(200)
        else:
            chosen = provider.ConsumeIntListInRange(
                provider.ConsumeIntInRange(1, 20), 0, len(PIECES) - 1
            )
            text = "".join(PIECES[number] for number in chosen)
        check(text, subject)

    atheris.Setup([sys.argv[0], f"-timeout={HANG_S}", *arguments], one)
    atheris.Fuzz()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", action="store_true")
    options, rest = parser.parse_known_args()
    if options.atheris:
        run_atheris(rest)
    else:
        sys.exit(run_plain(options.inputs, options.seed, options.first) > 0)
