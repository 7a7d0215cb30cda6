"""Where a repository calls a function."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.callers import FEW, callers_in, calls_in


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("x = gross(10, vat=0.2)\n", ["x = gross(10, vat=0.2)"]),
        ("def f(c):\n    if c:\n        return c.gross(1)\n", ["return c.gross(1)"]),
        ("def test():\n    assert gross(\n        1\n    ) == 2\n", ["assert gross(1) == 2"]),
        ("def gross(n):\n    return n\n", []),
        ("for i in gross(3):\n    pass\n", []),
        ("print(ungross(1))\n", []),
        ("def broken(:\n", []),
    ],
)
def test_the_statements_that_call_it(source: str, calls: list[str]) -> None:
    assert list(calls_in(source, "gross")) == calls


@given(st.text())
def test_any_source_is_read(source: str) -> None:
    assert isinstance(list(calls_in(source, "f")), list)


def test_a_few_calls_are_shown_once_each_in_the_order_of_their_files(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("gross(2)\ngross(1)\n")
    (tmp_path / "a.py").write_text("gross(1)\n")
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv/c.py").write_text("gross(3)\n")
    assert callers_in(tmp_path, "gross") == ("gross(1)", "gross(2)")


def test_of_a_commonplace_none_is_shown(tmp_path: Path) -> None:
    calls = "".join(f"gross({n})\n" for n in range(FEW + 1))
    (tmp_path / "a.py").write_text(calls)
    assert callers_in(tmp_path, "gross") == ()
