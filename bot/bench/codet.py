"""Reads pools in the form of CodeT's released samples: JSON Lines, gzipped or not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

FAULTS = (OSError, EOFError, ValueError, LookupError, TypeError)
"""What reading another file raises, here and in whoever takes its records apart."""


def records(path: Path) -> list[Any]:
    """An object per task. Raises one of `FAULTS`."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
    return [json.loads(line) for line in text.splitlines()]
