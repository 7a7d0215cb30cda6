"""The port's values as GitHub wants them sent. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.forge.values import CheckReport, Signature

_MAX_SUMMARY = 65_535


def stamp(time: datetime) -> str:
    """A time as GitHub reads it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def updated_since(since: datetime) -> dict[str, str]:
    """The query for what was updated at or after a time, in the order of the updates."""
    return {"sort": "updated", "direction": "asc", "since": stamp(since)}


def check_run(report: CheckReport) -> dict[str, object]:
    """What a check run is to show."""
    ended = {} if report.conclusion is None else {"conclusion": report.conclusion.value}
    return {
        "name": report.name,
        "status": report.status.value,
        "external_id": report.external_id,
        "output": {"title": report.title, "summary": report.summary[:_MAX_SUMMARY]},
        **ended,
    }


def identity(signature: Signature) -> dict[str, str]:
    """Who made a commit."""
    return {"name": signature.name, "email": signature.email, "date": stamp(signature.at)}
