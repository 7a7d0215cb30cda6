"""Days as money is counted by: those of UTC, for every worker the same. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta


def day_of(now: datetime) -> str:
    """The day of an aware time, like `2026-03-01`."""
    return now.astimezone(UTC).date().isoformat()


def seconds_to_next_day(now: datetime) -> float:
    """Until midnight."""
    today = now.astimezone(UTC)
    midnight = datetime.combine(today.date() + timedelta(days=1), time(), UTC)
    return (midnight - today).total_seconds()
