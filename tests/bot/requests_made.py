"""Requests for tests of what reads or keeps them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.requests import Options, Request, Subject, SubjectKind, Trigger, TriggerKind
from engine.spec import Example, FunctionSpec

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

SPEC = FunctionSpec(
    "double",
    "def double(n):",
    "Return twice n.",
    'def double(n):\n    """Return twice n."""\n    ...\n',
    (Example("double(2)", "4"),),
    "src/double.py",
)


def request(request_id: str = "r1", **fields: Any) -> Request:
    """A request whose trigger is named after its id, so that two differ."""
    given = {
        "repository": "octo/maths",
        "subject": Subject(SubjectKind.PULL, 7),
        "trigger": Trigger(TriggerKind.ISSUE_COMMENT, request_id),
        "requester": "ada",
        "spec": SPEC,
        "options": Options(candidates=3, wish="faster", dry_run=True),
        "created_at": NOW,
        "updated_at": NOW,
        **fields,
    }
    return Request(id=request_id, **given)
