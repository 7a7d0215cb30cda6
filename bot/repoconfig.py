"""`.github/supercharge.yml`: what a repository's maintainers want, checked key by key.

`parse_config` never raises: what is wrong comes back as problems, each with its line, all of them at
once. config/repository.example.yml explains every key. Pure; who calls it reads the file, from the
default branch only, since whoever opens a pull request writes the one in its head.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.branches import is_branch_name
from bot.commands import MAX_COUNT, MAX_MINUTES
from bot.durations import parse_duration
from bot.paths import ALWAYS_BLOCKED, PathFilter, is_pattern, is_repository_path
from bot.sanitize import plain
from bot.suggest import did_you_mean
from bot.yamlfile import Problem, Value, read_yaml

__all__ = [
    "AskPermission",
    "MutationConfig",
    "Problem",
    "RepoConfig",
    "RetryConfig",
    "parse_config",
]


class AskPermission(StrEnum):
    """The least permission with which one may ask. Less than write never may."""

    WRITE = "write"
    MAINTAIN = "maintain"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """When a search that found nothing good enough is tried again, with the pool that it left."""

    max: int = 5
    """How often."""
    backoff: float = 900.0
    """Seconds until the first time, doubled for every further one."""
    expires_days: int = 14
    """After so many days it is over, whatever is left of `max`."""


@dataclass(frozen=True, slots=True)
class MutationConfig:
    """What the generated tests must notice when the code is broken on purpose."""

    min_score: float = 0.0
    """The least share of mutants that they kill, 0 to 1; 0 asks for nothing."""


@dataclass(frozen=True, slots=True)
class RepoConfig:
    """The keys of the file. None stands for what the server is configured to do."""

    enabled: bool = True
    """Whether the bot does anything here."""
    label: str = "supercharge"
    """The label on an issue that asks for it."""
    permission: AskPermission = AskPermission.WRITE
    """Who may ask."""
    allow_users: tuple[str, ...] = ()
    """Where it is not empty: of those with the permission only these."""
    deny_users: tuple[str, ...] = ()
    """These never may."""
    paths: tuple[str, ...] = ()
    """Where it is not empty: only files that match one of these patterns are written."""
    blocked_paths: tuple[str, ...] = ALWAYS_BLOCKED
    """Files that are never written. `.github/**` is always among them."""
    base: str | None = None
    """The branch that pull requests from issues go to; None is the default branch."""
    draft: bool = True
    """Whether pull requests are opened as drafts."""
    candidates: int | None = None
    """Code replies to ask for at most."""
    tests: int | None = None
    """Test replies to ask for at most."""
    threshold: float | None = None
    """The score, above 0 and at most 1, from which a pair is good enough."""
    max_minutes: float | None = None
    """Wall-clock minutes of one search at most; no command can ask for more."""
    max_open_prs: int = 5
    """As many pull requests of the bot are open here at most."""
    max_requests_per_user_day: int = 20
    """As many stubs can one person ask for in a day."""
    test_dir: str | None = None
    """The folder for generated tests; None finds the one that the repository has."""
    requirements: tuple[str, ...] = ()
    """Packages that the repository's code imports; only what the server allows is installed."""
    retry: RetryConfig = field(default_factory=RetryConfig)
    judge: bool = True
    """Whether the model's own judgement counts, as far as the server trusts its model to judge."""
    mutation: MutationConfig = field(default_factory=MutationConfig)

    @property
    def path_filter(self) -> PathFilter:
        """Which files may be written."""
        return PathFilter(self.paths, self.blocked_paths)


def parse_config(text: str) -> RepoConfig | tuple[Problem, ...]:
    """The configuration, or everything that is wrong with it, in the order of the lines.

    An empty file is the defaults. Any text gives one or the other, in bounded time and memory.
    """
    root = read_yaml(text)
    if isinstance(root, Problem):
        return (root,)
    if root is None or root.is_null:
        return RepoConfig()
    read = _Section(RepoConfig, _KEYS).read(root)
    return read if isinstance(read, RepoConfig) else tuple(sorted(_problems_of(read, "the file")))


Reader = Callable[[Value], object]
"""A key's value as what the configuration holds, or a Problem."""


@dataclass(frozen=True, slots=True)
class _Section:
    """A mapping of known keys, each given once, that becomes a `kind`."""

    kind: type[Any]
    keys: Mapping[str, Reader]
    prefix: str = ""

    def read(self, section: Value) -> object:
        """The section, or its problem, or a list of all the problems in it."""
        pairs = section.pairs
        if pairs is None:
            return _wants(section, "lines of key: value")
        values: dict[str, object] = {}
        problems: list[Problem] = []
        for key, value in pairs:
            name = key.scalar
            if name is None or name not in self.keys:
                hint = did_you_mean(name or "", [*self.keys])
                problems.append(Problem(key.line, f"unknown key {key}{hint}"))
            elif name in values:
                problems.append(
                    Problem(key.line, f"{self.prefix}{name} is given twice; give it once")
                )
            else:
                read = values[name] = self._value(name, value)
                problems += _problems_of(read, f"{self.prefix}{name}")
        return problems or self.kind(**values)

    def _value(self, name: str, value: Value) -> object:
        default = next(f.default for f in dataclasses.fields(self.kind) if f.name == name)
        if value.is_null and default is None:
            return None
        return self.keys[name](value)


def _problems_of(read: object, name: str) -> list[Problem]:
    """What a reader has to complain about, if anything, told with the key's name."""
    if isinstance(read, Problem):
        return [Problem(read.line, f"{name} {read.message}")]
    # A section has told its keys' names already.
    return read if isinstance(read, list) else []


def _wants(value: Value, wanted: str) -> Problem:
    return Problem(value.line, f"must be {wanted}, not {'empty' if value.is_null else value}")


def _flag(value: Value) -> object:
    known = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    word = (value.scalar or "").lower()
    return known[word] if word in known else _wants(value, "true or false")


def _count(least: int) -> Reader:
    def read(value: Value) -> object:
        text = value.scalar or ""
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
        if least <= number <= MAX_COUNT:
            return number
        return _wants(value, f"a whole number from {least} to {MAX_COUNT}")

    return read


def _number(low: float, high: float, wanted: str, *, above: bool = False) -> Reader:
    """From `low`, or `above` it, to `high`."""

    def read(value: Value) -> object:
        text = value.scalar or ""
        number = float(text) if re.fullmatch(r"[0-9]{0,9}\.?[0-9]{1,9}", text) else None
        if number is None or not low <= number <= high or (above and number == low):
            return _wants(value, wanted)
        return number

    return read


def _backoff(value: Value) -> object:
    seconds = parse_duration(value.scalar or "")
    if seconds is None or not 60 <= seconds <= 30 * 86_400:
        return _wants(value, "a time from 1m to 30d, like 30m, 1h or 1d")
    return seconds


def _text(fits: Callable[[str], bool], wanted: str) -> Reader:
    def read(value: Value) -> object:
        text = value.scalar
        return text if text is not None and fits(text) else _wants(value, wanted)

    return read


def _list(fits: Callable[[str], bool], wanted: str) -> Reader:
    def read(value: Value) -> object:
        items = value.items
        if items is None:
            return _wants(value, "a list, each entry on a line that begins with '- '")
        for item in items:
            if item.scalar is None or not fits(item.scalar):
                return Problem(item.line, f"must hold {wanted}, not {item}")
        return tuple(item.scalar for item in items if item.scalar is not None)

    return read


def _permission(value: Value) -> object:
    word = (value.scalar or "").lower()
    if word not in [*AskPermission]:
        return _wants(value, f"one of {', '.join(AskPermission)}")
    return AskPermission(word)


def _blocked(value: Value) -> object:
    read = _PATTERNS(value)
    return tuple(dict.fromkeys([*ALWAYS_BLOCKED, *read])) if isinstance(read, tuple) else read


def _is_login(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}(?:\[bot\])?", text) is not None


def _is_requirement(text: str) -> bool:
    """A distribution and the versions that will do; no address, no option of pip's."""
    version = r"(?:==|>=|<=|~=|!=|<|>) ?[A-Za-z0-9][A-Za-z0-9.*+!-]{0,39}"
    name = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"
    return re.fullmatch(f"{name} ?(?:{version}(?:, ?{version}){{0,3}})?", text) is not None


def _is_label(text: str) -> bool:
    return 0 < len(text) <= 50 and text == plain(text).strip() and "\n" not in text


_PATTERNS = _list(is_pattern, "patterns of paths, like src/**")
_LOGINS = _list(_is_login, "GitHub user names")

_KEYS: Mapping[str, Reader] = {
    "enabled": _flag,
    "label": _text(_is_label, "a label's name of at most 50 characters"),
    "permission": _permission,
    "allow_users": _LOGINS,
    "deny_users": _LOGINS,
    "paths": _PATTERNS,
    "blocked_paths": _blocked,
    "base": _text(is_branch_name, "the name of a branch"),
    "draft": _flag,
    "candidates": _count(1),
    "tests": _count(1),
    "threshold": _number(0, 1, "a number above 0 and at most 1, like 0.8", above=True),
    "max_minutes": _number(
        0, MAX_MINUTES, f"minutes, above 0 and at most {MAX_MINUTES:.0f}", above=True
    ),
    "max_open_prs": _count(0),
    "max_requests_per_user_day": _count(0),
    "test_dir": _text(is_repository_path, "a folder's path from the repository's root"),
    "requirements": _list(
        _is_requirement, "packages by their PyPI names, like numpy or numpy>=1.26"
    ),
    "retry": _Section(
        RetryConfig, {"max": _count(0), "backoff": _backoff, "expires_days": _count(1)}, "retry."
    ).read,
    "judge": _flag,
    "mutation": _Section(
        MutationConfig, {"min_score": _number(0, 1, "a number from 0 to 1, like 0.6")}, "mutation."
    ).read,
}
