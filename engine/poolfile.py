"""The pool on disk: JSON Lines, appended as the search goes, so that a kill loses at most a line.

The first line is the header, `{"format": "supercharge-pool", "version": 1, "spec": …, …}`; every
other line is one entry, `{"candidate": …}`, `{"result": …}`, `{"judgement": …}` or `{"ask": …}`, in
the order in which it came. Reading the entries in order makes the pool again. SANDBOX_ERRORs are
not written: they are owed again. docs/design.md documents every field.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any, get_type_hints

from engine.candidates import AskOutcome, Candidate, Entry, Pool
from engine.closing import Closing
from engine.errors import BadInput
from engine.spec import FunctionSpec
from engine.verdicts import Judgement, PairResult

FORMAT = "supercharge-pool"
VERSION = 1


def to_json(entry: Entry) -> dict[str, Any]:
    match entry:
        case Candidate():
            return {"candidate": asdict(entry)}
        case PairResult():
            return {"result": asdict(entry)}
        case Judgement():
            return {"judgement": asdict(entry)}
        case AskOutcome():
            return {"ask": asdict(entry)}


_ENTRIES: dict[str, type[Entry]] = {
    "candidate": Candidate,
    "result": PairResult,
    "judgement": Judgement,
    "ask": AskOutcome,
}


def from_json(data: dict[str, Any]) -> Entry:
    """The entry that `to_json` wrote. Raises TypeError or ValueError on anything else."""
    [(name, values)] = data.items()
    if name not in _ENTRIES:
        raise ValueError(f"unknown entry {name!r}")
    hints = _fields_of(name)
    return _ENTRIES[name](**{k: _checked(k, v, hints.get(k)) for k, v in values.items()})


@functools.cache
def _fields_of(name: str) -> dict[str, Any]:
    return get_type_hints(_ENTRIES[name])


def _checked(key: str, value: Any, hint: Any) -> Any:
    """The value as its field has it. What comes from a disk is not taken on trust."""
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if hint == tuple[str, ...]:
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            return tuple(value)
    elif hint is None or (isinstance(value, hint) and not isinstance(value, bool)):
        return value
    elif isinstance(value, int) and not isinstance(value, bool) and isinstance(0.0, hint):
        return float(value)
    raise TypeError(f"{key} cannot be {value!r:.40}")


def header(spec: FunctionSpec, **about: Any) -> dict[str, Any]:
    return {"format": FORMAT, "version": VERSION, "spec": spec.to_json(), **about}


def load(path: Path) -> tuple[dict[str, Any], Pool]:
    """The header and the pool in `path`. Raises BadInput as `read` does."""
    about, entries = read(path)
    return about, Pool().grown(entries)


def read(path: Path) -> tuple[dict[str, Any], list[Entry]]:
    """The header and the entries in `path`. A last line that a crash cut short is left out.

    Raises BadInput when the file is no pool, is of a later version, or is damaged further up.
    """
    try:
        # What follows the last line end was cut short, even where it happens to be whole JSON: the
        # next writer drops it, and the two must agree.
        first, *lines = path.read_bytes().decode("utf-8", "replace").split("\n")[:-1] or [""]
    except OSError as error:
        raise BadInput(f"cannot read the pool {path}: {error.strerror or error}") from error
    about = _parse_header(path, first)
    entries: list[Entry] = []
    for number, line in enumerate(lines, 2):
        try:
            entries.append(from_json(json.loads(line)))
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            raise BadInput(f"{path}:{number}: not an entry of a pool ({error})") from error
    return about, entries


def _parse_header(path: Path, line: str) -> dict[str, Any]:
    try:
        about = json.loads(line)
        name, version = str(about["format"]), int(about["version"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not a supercharge pool: its first line is no header") from error
    if name != FORMAT or version > VERSION:
        raise BadInput(f"{path} is a {name} of version {version}; this reads {FORMAT} {VERSION}")
    try:
        FunctionSpec.from_json(about["spec"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path}:1: the header has no function that this reads") from error
    return dict(about)


class PoolWriter(Closing):
    """Appends entries to a pool file, each batch flushed to disk before it returns."""

    def __init__(self, path: Path, spec: FunctionSpec, **about: Any) -> None:
        """Open `path`, writing the header if it is new; a torn last line is cut off first.

        Raises BadInput when the file is there and is no pool of this function: nothing is changed
        then.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab+")
        except OSError as error:
            raise BadInput(f"cannot write the pool {path}: {error.strerror or error}") from error
        self._file.seek(0)
        whole = self._file.read()
        end = whole.rfind(b"\n") + 1
        if not end:
            self._check_torn_header(path, whole)
            self._file.truncate(0)
            self._write([header(spec, **about)])
            return
        try:
            found = _parse_header(path, whole[: whole.index(b"\n")].decode("utf-8", "replace"))
            if FunctionSpec.from_json(found["spec"]).fingerprint != spec.fingerprint:
                raise BadInput(f"{path} is the pool of another function")
        except BadInput:
            self.close()
            raise
        self._file.truncate(end)

    def _check_torn_header(self, path: Path, start: bytes) -> None:
        known = json.dumps({"format": FORMAT}).removesuffix("}").encode()
        if not known.startswith(start[: len(known)]):
            self.close()
            raise BadInput(f"{path} is not a supercharge pool, and is left as it is")

    def append(self, entries: Iterable[Entry]) -> None:
        kept = [e for e in entries if not isinstance(e, PairResult) or e.verdict.is_final]
        if kept:
            self._write(to_json(entry) for entry in kept)

    def close(self) -> None:
        self._file.close()

    def _write(self, rows: Iterable[dict[str, Any]]) -> None:
        text = "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)
        self._file.write(text.encode())
        self._file.flush()
        os.fsync(self._file.fileno())
