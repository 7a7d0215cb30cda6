"""`supercharge clean`: one reply from a file or stdin, cleaned."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.cleanup import Cleaned
from engine.cleanup import clean as clean_reply
from engine.errors import BadInput

STDIN = Path("-")


def run(file: Path | None, entry_point: str | None) -> Cleaned:
    """Clean the text of `file`, or of stdin where it is None or `-`.

    Raises BadInput where there is no such file, where it is not UTF-8, or where `entry_point` is no
    name.
    """
    if entry_point is not None and not entry_point.isidentifier():
        raise BadInput(f"--entry-point {entry_point!r} is no name of a function")
    return clean_reply(_read(file), entry_point=entry_point)


def _read(file: Path | None) -> str:
    given = None if file == STDIN else file
    name = "stdin" if given is None else str(given)
    try:
        data = sys.stdin.buffer.read() if given is None else given.read_bytes()
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {name}") from error
    except OSError as error:
        raise BadInput(f"cannot read {name}: {error.strerror or error}") from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{name} is not UTF-8: byte {error.start} is {data[error.start]:#04x}"
        ) from error


def why_not(entry_point: str | None) -> str:
    """The line for a reply of which no module could be made."""
    wanted = f"defines {entry_point}" if entry_point else "defines anything"
    return f"no module in this text {wanted}; --show-edits says what was tried"
