"""`.github/supercharge.yml`: what a repository's maintainers want, checked key by key.

`parse_config` never raises: what is wrong comes back as problems, each with its line, all of them at
once. config/repository.example.yml explains every key. Pure; who calls it reads the file, from the
default branch only, since whoever opens a pull request writes the one in its head.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.branches import is_branch_name
from bot.durations import parse_duration
from bot.limits import MAX_MINUTES
from bot.paths import ALWAYS_BLOCKED, PathFilter, is_pattern, is_repository_path
from bot.sanitize import plain
from bot.yamlfile import Problem, Value, read_yaml
from bot.yamlschema import (
    Reader,
    Section,
    count,
    flag,
    list_of,
    number_in,
    problems_of,
    text,
    wants,
)

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
    """Where it names people: of those with the permission only these. A bot may ask only if named."""
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

    def lets_ask(self, login: str, *, is_bot: bool) -> bool:
        """Whether the lists of users let somebody ask; their permission is another question."""
        name = login.casefold()
        allowed = {user.casefold() for user in self.allow_users}
        if name in {user.casefold() for user in self.deny_users}:
            return False
        if is_bot:
            return name in allowed
        people = {user for user in allowed if not user.endswith("[bot]")}
        return not people or name in people

    @property
    def path_filter(self) -> PathFilter:
        """Which files may be written."""
        return PathFilter(self.paths, self.blocked_paths)


def parse_config(source: str) -> RepoConfig | tuple[Problem, ...]:
    """The configuration, or everything that is wrong with it, in the order of the lines.

    An empty file is the defaults. Any text gives one or the other, in bounded time and memory.
    """
    root = read_yaml(source)
    if isinstance(root, Problem):
        return (root,)
    if root is None or root.is_null:
        return RepoConfig()
    read = Section(RepoConfig, _KEYS).read(root)
    return read if isinstance(read, RepoConfig) else tuple(sorted(problems_of(read, "the file")))


def _backoff(value: Value) -> object:
    seconds = parse_duration(value.scalar or "")
    if seconds is None or not 60 <= seconds <= 30 * 86_400:
        return wants(value, "a time from 1m to 30d, like 30m, 1h or 1d")
    return seconds


def _permission(value: Value) -> object:
    word = (value.scalar or "").lower()
    if word not in [*AskPermission]:
        return wants(value, f"one of {', '.join(AskPermission)}")
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


_PATTERNS = list_of(is_pattern, "patterns of paths, like src/**")
_LOGINS = list_of(_is_login, "GitHub user names")

_KEYS: Mapping[str, Reader] = {
    "enabled": flag,
    "label": text(_is_label, "a label's name of at most 50 characters"),
    "permission": _permission,
    "allow_users": _LOGINS,
    "deny_users": _LOGINS,
    "paths": _PATTERNS,
    "blocked_paths": _blocked,
    "base": text(is_branch_name, "the name of a branch"),
    "draft": flag,
    "candidates": count(1),
    "tests": count(1),
    "threshold": number_in(0, 1, "a number above 0 and at most 1, like 0.8", above=True),
    "max_minutes": number_in(
        0, MAX_MINUTES, f"minutes, above 0 and at most {MAX_MINUTES:.0f}", above=True
    ),
    "max_open_prs": count(0),
    "max_requests_per_user_day": count(0),
    "test_dir": text(is_repository_path, "a folder's path from the repository's root"),
    "requirements": list_of(
        _is_requirement, "packages by their PyPI names, like numpy or numpy>=1.26"
    ),
    "retry": Section(
        RetryConfig, {"max": count(0), "backoff": _backoff, "expires_days": count(1)}, "retry."
    ).read,
    "judge": flag,
    "mutation": Section(
        MutationConfig,
        {"min_score": number_in(0, 1, "a number from 0 to 1, like 0.6")},
        "mutation.",
    ).read,
}
