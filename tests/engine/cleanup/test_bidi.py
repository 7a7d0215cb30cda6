"""Characters that make code read differently from what it does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cleanup import clean
from engine.cleanup.bidi import without_controls
from engine.cleanup.tests import clean_test

CONTROLS = [
    chr(code) for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
]

PIECES = ["\u202e", "'", '"', "\\", "a", "{", "}", "r", "f", "#", "\n", " ", "x = "]


def value_of(source: str) -> object:
    space: dict[str, object] = {}
    exec(source, space)  # noqa: S102 - our own sample
    return space["f"]()  # type: ignore[operator]


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize(
    "literal",
    [
        "'a{}b'",
        '"""a{}\nb"""',
        "r'\\d{}\\''",
        "f'a{{1}}{}'",
        "rf'\\d{{1}}{}'",
        "u'{}'",
        "'a' 'b{}'",
    ],
)
def test_a_control_in_a_string_becomes_an_escape_and_the_string_stays(
    control: str, literal: str
) -> None:
    source = f"def f():\n    return {literal.format(control)}\n"
    result = clean(source, entry_point="f")

    assert control not in result.source
    assert value_of(result.source) == value_of(source)
    assert "took out controls of writing direction" in result.edits


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    return 1  # yes{}\n",
        "def f():\n    return{} 1\n",
        "Here:\n```python\ndef f():\n    x{} = 1\n    return x\n```\n",
        "def f():\n    return len(f\"{{'a{}' and 1}}\")\n",
    ],
)
def test_a_control_elsewhere_goes(control: str, source: str) -> None:
    result = clean(source.format(control), entry_point="f")

    assert result.ok
    assert control not in result.source
    assert value_of(result.source) == 1


def test_a_control_goes_from_a_test_too() -> None:
    result = clean_test("def test_f():\n    assert f() == 'a\u202eb'  # x\u2066\n", entry_point="f")

    assert result.ok
    assert re.search("[\u202e\u2066]", result.source) is None
    assert "u202e" in result.source


def test_text_without_a_control_is_left_as_it_is() -> None:
    source = "x = 'שלום'  # עולם\n"
    assert without_controls(source) == source


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_control_is_left_in_any_text(text: str) -> None:
    once = without_controls(text)
    assert "\u202e" not in once
    assert without_controls(once) == once
