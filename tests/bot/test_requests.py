from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.requests import TRANSITIONS, IllegalTransition, Request, RequestStatus, transition

DESIGN = Path(__file__).parents[2] / "docs" / "design.md"


def test_the_diagram_and_the_table_are_the_same_machine() -> None:
    [block] = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", DESIGN.read_text(), re.DOTALL)
    drawn = {(a.lower(), b.lower()) for a, b in re.findall(r"(\w+) --> (\w+)", block)}
    table = {(a.value, b.value) for a, targets in TRANSITIONS.items() for b in targets}
    assert drawn == table


def test_every_status_has_its_row() -> None:
    assert set(TRANSITIONS) == set(RequestStatus)


@pytest.mark.parametrize("old", list(RequestStatus))
@pytest.mark.parametrize("new", list(RequestStatus))
def test_only_the_tables_arrows_are_possible(old: RequestStatus, new: RequestStatus) -> None:
    request = Request("r1", old)
    if new in TRANSITIONS[old]:
        changed = transition(request, new, reason="because")
        assert (changed.status, changed.reason) == (new, "because")
        assert request.status is old
    else:
        with pytest.raises(IllegalTransition, match="never becomes"):
            transition(request, new)
