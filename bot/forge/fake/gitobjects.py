"""What a git repository holds, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a tree; `size` is None for anything but a blob."""

    mode: str
    kind: str
    sha: str
    size: int | None
    path: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who made a commit, and when."""

    name: str
    email: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as it is stored."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What happened to one file between two commits. `status` is git's letter."""

    status: str
    path: str
    previous_path: str | None
    sha: str
    patch: str
    additions: int
    deletions: int


def signed(person: Person) -> str:
    """As a commit has it."""
    return f"{person.name} <{person.email}> {int(person.at.timestamp())} +0000"


def person_of(line: str) -> Person:
    """The reverse of `signed`."""
    name, _, rest = line.partition(" <")
    email, _, when = rest.rpartition("> ")
    return Person(name, email, datetime.fromtimestamp(int(when.split()[0]), UTC))
