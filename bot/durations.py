"""Spans of time as people write and read them."""

from __future__ import annotations

import re

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?([a-z]{1,3})", re.ASCII)


def parse_duration(text: str) -> float | None:
    """Seconds in `90s`, `20m` (or `20min`), `1.5h` or `2d`; None for what is no such span."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or match[2] not in _UNITS:
        return None
    return float(match[1]) * _UNITS[match[2]]


def format_duration(seconds: float) -> str:
    """For people: `45 s`, `2 min 05 s`, `3 h 20 min`, `2 days`."""
    whole = max(round(seconds), 0)
    if whole < 100:
        return f"{whole} s"
    if whole < 6000:
        return f"{whole // 60} min {whole % 60:02} s" if whole % 60 else f"{whole // 60} min"
    if whole < 172_800:
        minutes = whole // 60
        return f"{minutes // 60} h {minutes % 60:02} min" if minutes % 60 else f"{minutes // 60} h"
    return f"{whole // 86_400} days"
