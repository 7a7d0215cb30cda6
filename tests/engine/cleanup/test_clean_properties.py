"""What holds for every text, and for all code that is right already."""
# ruff: noqa: E501 (tables of texts read best with one text to a line)

from __future__ import annotations

import functools
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.bench.cleanup_formats import DAMAGES
from bot.bench.cleanup_stdlib import Sample, faults, functions, modules, whole
from engine.cleanup import clean
from engine.cleanup.extract import extract
from engine.cleanup.repair import repair
from engine.cleanup.syntax import parses
from engine.cleanup.tests import clean_test, split_asserts

SLICE = 160
MODULES = 12
SHORT = 8_000

SAMPLE = (
    'def mean(numbers):\n    """The mean.\n\n    >>> mean([1, 2])\n    1.5\n    """\n    total = 0\n'
    "    for number in numbers:\n        if number is not None:\n            total += number\n"
    "    if not numbers:\n        raise ValueError('no ' + 'numbers')\n    return total / len(numbers)\n"
)

texts = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(["def f(x):", "\n", "    ", "return x", "```", '"""', "(", ")", "'", "if x", ":", "x = 1", "Hello there,", "\t", ">>> ", "&lt;", "\\n", "`", "- ", "\ud800", "\0", "In [1]: ", "@@ "]), max_size=25).map("".join),
)  # fmt: skip
few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@functools.cache
def standard_functions() -> list[Sample]:
    """A seeded slice of the standard library's functions; `bench cleanup --stdlib` takes all."""
    rng = random.Random(1)
    files = rng.sample(list(modules()), 60)
    found = [sample for path in files for sample in functions(path)]
    return rng.sample(found, SLICE)


@pytest.mark.parametrize("part", range(4))
def test_the_standard_library_keeps_its_behaviour(part: int) -> None:
    for sample in standard_functions()[part::4]:
        assert list(faults(sample)) == [], sample.place


@functools.cache
def standard_modules() -> list[Sample]:
    """A seeded few of the standard library's shorter files, each for one of its functions."""
    found = [sample for path in modules() for sample in whole(path, 1)]
    return random.Random(1).sample([s for s in found if len(s.source) < SHORT], MODULES)


@pytest.mark.parametrize("number", range(MODULES))
def test_a_whole_module_keeps_what_its_function_needs(number: int) -> None:
    sample = standard_modules()[number]
    assert list(faults(sample)) == [], sample.place


@pytest.mark.parametrize(
    ("source", "name", "fault"),
    [
        ("def f():\n    return g()\n", "h", "not ok"),
        ("def f():\n    return 1\n\n\ndef f(:\n", "f", "repair touched it"),
    ],
)
def test_the_bench_sees_what_went_wrong(source: str, name: str, fault: str) -> None:
    assert fault in list(faults(Sample("here", source, name)))


def test_the_bench_takes_functions_methods_and_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text(
        "import os\n\nif os:\n    def f():\n        return os\n\nclass A:\n    @property\n    def g(self):\n"
        "        return 1\n\ndef h():\n    return A\n"
    )

    assert [sample.entry_point for sample in functions(path)] == ["h", "f", "g"]
    assert "@property\ndef g(self):\n    return 1\n" in [
        sample.source for sample in functions(path)
    ]
    assert [sample.entry_point for sample in whole(path, 0)] == ["h"]


# Of these one round leaves what another round would change.
@few
@example("- def test_f():" + "[" * 70 + "<|im_end|>")
@example(
    "def test_f():\n    s = S()\n    for x in (1, 2):\n  : ignore     assert s.f(x)\n\ndef f(x):\n eturn x\ufeff\n\ndefx):\n"
)
@given(texts)
def test_cleaning_never_raises_and_cleans_once(text: str) -> None:
    first = clean(text, entry_point="f")
    assert clean(first.source, entry_point="f").source == first.source


@few
@given(texts)
def test_the_stages_alone_never_raise_and_leave_alone_what_parses(text: str) -> None:
    assert isinstance(extract(text, entry_point="f"), str)
    mended = repair(text)
    assert not parses(text) or mended == text


@few
@given(texts)
def test_cleaning_a_test_never_raises_and_cleans_once(text: str) -> None:
    first = clean_test(text, entry_point="f")
    assert clean_test(first.source, entry_point="f").source == first.source
    for unit in split_asserts(first.source, entry_point="f"):
        assert split_asserts(unit, entry_point="f") == [unit]


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_of_every_kind_leaves_a_module_with_the_function(kind: str) -> None:
    text = DAMAGES[kind](random.Random(f"1/{kind}"), SAMPLE)
    result = clean(text or SAMPLE, entry_point="mean")
    assert result.ok, (text, result)


@pytest.mark.parametrize("kind", sorted(set(DAMAGES) - {"cut_line", "duplicated_line"}))
def test_damage_to_a_simple_function_is_undone(kind: str) -> None:
    text = DAMAGES[kind](random.Random(f"2/{kind}"), SAMPLE)
    space: dict[str, object] = {}
    exec(clean(text or SAMPLE, entry_point="mean").source, space)  # noqa: S102 - our own sample
    assert space["mean"]([1, 2, None, 3]) == 1.5  # type: ignore[operator]
