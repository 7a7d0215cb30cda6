"""A comment's body → what it asks of the bot. Pure, and never an exception, whatever the body.

    /supercharge [path.py::Class.func] [candidates=N] [tests=N] [threshold=0.8] [budget=20m]
                 [base=branch] [dry-run]
    /supercharge retry [fresh] | cancel | status | explain | improve "…" | score | config | help

A command is a line that starts with `/supercharge`, in what is plain text where the comment is
rendered: `bot.commandlines` finds it. One comment asks for one thing: of two commands neither is
done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import TypeAlias

from bot.branches import is_branch_name
from bot.commandlines import command_lines
from bot.commandwords import Word, quoted, shown, words_of
from bot.durations import parse_duration
from bot.limits import MAX_COUNT, MAX_MINUTES
from bot.paths import is_python_path
from bot.suggest import did_you_mean

MAX_WISH = 4_000


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function by its file, from the repository's root, and its dotted path in there."""

    path: str
    qualname: str

    def __str__(self) -> str:
        return f"{self.path}::{self.qualname}"


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What the command wants to be otherwise than configured; None where it says nothing."""

    candidates: int | None = None
    tests: int | None = None
    threshold: float | None = None
    minutes: float | None = None
    base: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Generate:
    """Fill a stub: the target, or where there is none all that the place of the comment names."""

    target: FunctionName | None = None
    options: SearchOptions = SearchOptions()


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again, with the pool that there is, or `fresh` with an empty one."""

    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Improve:
    """Make another version of the bot's own code, as a reviewer wishes."""

    wish: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop what runs or waits here."""


@dataclass(frozen=True, slots=True)
class Status:
    """Say where the requests here stand."""


@dataclass(frozen=True, slots=True)
class Explain:
    """Show the evidence for the chosen code."""


@dataclass(frozen=True, slots=True)
class Score:
    """Score the functions of the code base."""


@dataclass(frozen=True, slots=True)
class ShowConfig:
    """Show the configuration in force."""


@dataclass(frozen=True, slots=True)
class Help:
    """Show the commands."""


Command: TypeAlias = (
    Generate | Retry | Improve | Cancel | Status | Explain | Score | ShowConfig | Help
)


@dataclass(frozen=True, slots=True)
class CommandError:
    """A command that cannot be read: one line that says what to write instead.

    The message quotes the comment as it is; whoever posts it escapes it.
    """

    message: str


def parse_comment(body: str) -> Command | CommandError | None:
    """The command in a comment, or what is wrong with it; None where the comment has none."""
    lines = command_lines(body)
    if not lines:
        return None
    if len(lines) > 1:
        return CommandError(
            f"there are {len(lines)} commands in one comment, so none was done; write one per comment"
        )
    return _parse_line(lines[0])


def _parse_line(line: str) -> Command | CommandError:
    """What follows `/supercharge` on its line, as a command."""
    verb, _, rest = line.partition(" ")
    if verb.lower() == "improve":
        return _improve(rest)
    words = words_of(line)
    if isinstance(words, str):
        return CommandError(words)
    first = words[0] if words else Word()
    if not first.key and first.text.lower() in _PLAIN_VERBS:
        return _without_arguments(first.text.lower(), words[1:])
    if not first.key and first.text.lower() == "retry":
        return _retry(words[1:])
    return _generate(words)


_PLAIN_VERBS: dict[str, Command] = {
    "cancel": Cancel(),
    "status": Status(),
    "explain": Explain(),
    "score": Score(),
    "config": ShowConfig(),
    "help": Help(),
}
_VERBS = [*_PLAIN_VERBS, "retry", "improve"]


def _without_arguments(verb: str, words: Sequence[Word]) -> Command | CommandError:
    if words:
        return CommandError(f"{verb} takes nothing more, but there is {quoted(words[0])}")
    return _PLAIN_VERBS[verb]


def _retry(words: Sequence[Word]) -> Command | CommandError:
    if not words:
        return Retry()
    if len(words) == 1 and words[0] == Word(text="fresh"):
        return Retry(fresh=True)
    return CommandError(f"retry takes fresh or nothing, not {quoted(words[-1])}")


def _improve(rest: str) -> Command | CommandError:
    wish = rest.strip()
    if len(wish) > 1 and (wish[0] + wish[-1]) in ('""', "''", "“”", "‘’", "„“", "«»"):
        wish = wish[1:-1].strip()
    if not wish:
        return CommandError('improve needs words: /supercharge improve "what should be better"')
    if len(wish) > MAX_WISH:
        return CommandError(f"improve takes {MAX_WISH} characters, not {len(wish)}; say it shorter")
    return Improve(wish)


def _generate(words: Sequence[Word]) -> Command | CommandError:
    target: FunctionName | None = None
    values: dict[str, object] = {}
    for word in words:
        if word.key:
            read = _option(word)
            name = _FIELDS.get(word.key, "")
        elif word.text.lower() == "dry-run":
            name, read = "dry_run", True
        else:
            name, read = "target", _target(word.text)
        if isinstance(read, CommandError):
            return read
        if name in values or (name == "target" and target is not None):
            return CommandError(f"{_LABELS.get(name, word.key)} is given twice; give it once")
        if isinstance(read, FunctionName):
            target = read
        else:
            values[name] = read
    return Generate(target, SearchOptions(**values))  # type: ignore[arg-type]


_LABELS = {"target": "a target", "dry_run": "dry-run"}


def _target(text: str) -> FunctionName | CommandError:
    path, separator, qualname = text.partition("::")
    if not separator:
        if text.endswith(".py"):
            return CommandError(
                f"{shown(text)} names no function; write path/to/file.py::function, or leave it out"
            )
        known = [*_VERBS, "dry-run", *(f"{key}=" for key in _FIELDS)]
        return CommandError(f"unknown word {shown(text)}{did_you_mean(text.lstrip('-'), known)}")
    if not is_python_path(path):
        return CommandError(
            f"{shown(path)} is no Python file's path; write it from the repository's root, like"
            " src/shop/cart.py::total"
        )
    if not is_qualname(qualname):
        return CommandError(
            f"{shown(qualname)} is no function's name; write Class.method or function"
        )
    return FunctionName(path, qualname)


def is_qualname(text: str) -> bool:
    """Whether it is a dotted path of Python names."""
    parts = text.split(".")
    return len(text) <= 200 and all(p.isidentifier() and not iskeyword(p) for p in parts)


def _option(word: Word) -> object:
    if word.key in ("dry-run", "fresh"):
        return CommandError(f"{word.key} takes no value; write {word.key} alone")
    if word.key not in _READERS:
        return CommandError(f"unknown key {shown(word.key)}{did_you_mean(word.key, [*_FIELDS])}")
    return _READERS[word.key](word)


def _count(word: Word) -> object:
    number = int(word.text) if re.fullmatch(r"[0-9]{1,9}", word.text) else 0
    if not 1 <= number <= MAX_COUNT:
        return _wants(word, f"a whole number from 1 to {MAX_COUNT}")
    return number


def _threshold(word: Word) -> object:
    number = float(word.text) if re.fullmatch(r"[0-9]{0,3}\.?[0-9]{1,9}", word.text) else 0.0
    if not 0 < number <= 1:
        return _wants(word, "a number above 0 and at most 1, like 0.8")
    return number


def _minutes(word: Word) -> object:
    seconds = parse_duration(word.text)
    if seconds is None or not 0 < seconds <= MAX_MINUTES * 60:
        return _wants(word, "a time up to 24h, like 90s, 20m or 1h")
    return seconds / 60


def _base(word: Word) -> object:
    return word.text if is_branch_name(word.text) else _wants(word, "the name of a branch")


_READERS: dict[str, Callable[[Word], object]] = {
    "candidates": _count,
    "tests": _count,
    "threshold": _threshold,
    "budget": _minutes,
    "base": _base,
}
_FIELDS = {key: "minutes" if key == "budget" else key for key in _READERS}


def _wants(word: Word, what: str) -> CommandError:
    return CommandError(f"{word.key} must be {what}, not {shown(word.text)}")
