"""A request as a row, and back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from bot.requests import Options, Request, RequestStatus, Subject, SubjectKind, Trigger, TriggerKind
from bot.retry import ParkReason
from engine.spec import FunctionSpec

_AS_THEY_ARE = (
    "id", "repository", "requester", "requester_id", "installation_id", "base_branch", "head_sha",
    "reason", "error_id", "status_comment_id", "pool_id", "branch", "pull_number", "pull_closed_at",
    "priority", "attempts", "parks", "lost_leases", "cancel_requested", "retry_at", "expires_at",
    "fingerprint", "created_at", "updated_at",
)  # fmt: skip


def key_hash(request: Request) -> str:
    """Stands for the request's key, which may be longer than an index takes."""
    return hashlib.sha256(request.key.encode(errors="surrogatepass")).hexdigest()


def to_row(request: Request) -> dict[str, Any]:
    """Every column of `requests` but the lease's."""
    return {
        **{name: getattr(request, name) for name in _AS_THEY_ARE},
        "key_hash": key_hash(request),
        "subject_kind": request.subject.kind.value,
        "subject_number": request.subject.number,
        "trigger_kind": request.trigger.kind.value,
        "trigger_id": request.trigger.id,
        "path": request.spec.path,
        "qualname": request.spec.qualname,
        "spec": json.dumps(request.spec.to_json()),
        "options": json.dumps(asdict(request.options)),
        "status": request.status.value,
        "told": request.told.value if request.told else None,
        "parked": request.parked.value if request.parked else None,
    }


def from_row(row: Row[Any]) -> Request:
    return Request(
        **{name: getattr(row, name) for name in _AS_THEY_ARE},
        subject=Subject(SubjectKind(row.subject_kind), row.subject_number),
        trigger=Trigger(TriggerKind(row.trigger_kind), row.trigger_id),
        spec=FunctionSpec.from_json(json.loads(row.spec)),
        options=Options(**json.loads(row.options)),
        status=RequestStatus(row.status),
        told=RequestStatus(row.told) if row.told else None,
        parked=ParkReason(row.parked) if row.parked else None,
    )
