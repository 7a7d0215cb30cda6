"""Paths inside a repository: which are paths at all, and which the bot may touch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pathspec

ALWAYS_BLOCKED = (".github/**",)
"""Never written, whatever a repository configures: who changes workflows can do anything."""

MAX_PATH = 400
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


def is_repository_path(path: str) -> bool:
    """Whether it names one file below a repository's root, in one way: relative, no `.` or `..`."""
    parts = path.split("/")
    return (
        0 < len(path) <= MAX_PATH
        and not _FORBIDDEN.search(path)
        and path.strip() == path
        and all(part not in ("", ".", "..") for part in parts)
        and ".git" not in (part.lower() for part in parts)
    )


def is_python_path(path: str) -> bool:
    """Whether it names a file that can hold a stub; `.pyi` files hold only declarations."""
    return is_repository_path(path) and path.endswith(".py")


@dataclass(frozen=True)
class PathFilter:
    """Which files the bot may write, by patterns as `.gitignore` has them.

    With no `allowed` pattern every path is; `blocked` ones, and `ALWAYS_BLOCKED`, never are.
    """

    allowed: Sequence[str] = ()
    blocked: Sequence[str] = ()

    def allows(self, path: str) -> bool:
        """Whether `path` may be written. What is no path of a repository may not."""
        if not is_repository_path(path) or self._blocked.match_file(path.lower()):
            return False
        return not self.allowed or self._allowed.match_file(path)

    @cached_property
    def _allowed(self) -> pathspec.GitIgnoreSpec:
        return pathspec.GitIgnoreSpec.from_lines(self.allowed)

    @cached_property
    def _blocked(self) -> pathspec.GitIgnoreSpec:
        # In any case: where a file system folds it, `.GitHub/` is the folder that is meant. And a
        # pattern that takes back (`!`) comes before those that are always in force.
        patterns = [pattern.lower() for pattern in self.blocked]
        return pathspec.GitIgnoreSpec.from_lines([*patterns, *ALWAYS_BLOCKED])


def is_pattern(pattern: str) -> bool:
    """Whether it can be a pattern of a `PathFilter`: not empty, no comment, and well formed."""
    if not pattern.strip() or pattern.startswith("#") or len(pattern) > MAX_PATH:
        return False
    try:
        pathspec.GitIgnoreSpec.from_lines([pattern])
    except ValueError:
        return False
    return True
