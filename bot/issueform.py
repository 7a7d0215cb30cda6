"""An issue's body → the stubs that it wants filled. Pure, and never an exception, whatever the body.

config/issue_template.yml is the form; free text does as well, as long as it has the same: a fenced stub
(several, in one fence or many, are several wishes) and the path of the file that it belongs to. Where a
stub is in the repository already, its name, `path/to/file.py::function`, is enough.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TypeAlias

from bot.commands import FunctionName, is_qualname
from bot.fencedstub import specs_in
from bot.githubtext import MAX_BODY, tokens_of
from bot.markdown import truncated
from bot.paths import is_python_path
from bot.sanitize import plain, without_comments
from engine.spec import FunctionSpec

MAX_STUBS = 20
MAX_DESCRIPTION = 4_000


@dataclass(frozen=True, slots=True)
class IssueStub:
    """A stub that the issue spells out: `spec.path` is its file, `spec.module` the fenced code."""

    spec: FunctionSpec

    @property
    def name(self) -> FunctionName:
        return FunctionName(self.spec.path, self.spec.qualname)


Wish: TypeAlias = IssueStub | FunctionName
"""A stub that is spelt out, or the name of one that the repository has."""


@dataclass(frozen=True, slots=True)
class IssueWishes:
    """What an issue wants: at least one wish, no two of one name; `description` is its prose."""

    wishes: tuple[Wish, ...]
    description: str


@dataclass(frozen=True, slots=True)
class IssueProblem:
    """Why nothing in the issue can be done: one line that says what is missing.

    The message quotes the issue; whoever posts it escapes it.
    """

    message: str


def read_issue(body: str) -> IssueWishes | IssueProblem:
    """What the issue wants, or what it lacks."""
    parts = _parts(plain(body[:MAX_BODY]))
    description = _description(parts)
    found = _stubs(parts, description)
    wishes: list[Wish] = [part for part in found if isinstance(part, IssueStub)]
    if not wishes:
        wishes += [name for part in parts if not part.is_code for name in _names_in(part.text)]
    by_name = {w.name if isinstance(w, IssueStub) else w: w for w in reversed(wishes)}
    if len(by_name) > MAX_STUBS:
        return IssueProblem(f"{len(by_name)} stubs in one issue; {MAX_STUBS} are taken at most")
    if not by_name:
        return next((part for part in found if isinstance(part, IssueProblem)), _NOTHING)
    return IssueWishes(tuple(by_name.values())[::-1], description)


_NOTHING = IssueProblem(
    "there is no stub: give one in a fenced code block (its head and docstring, with ... as its body)"
    " and the path of its file; or the name of one that is there, like src/shop/cart.py::total"
)
_NO_PATH = IssueProblem(
    "name the file that the stub belongs to, from the repository's root, like src/shop/cart.py"
)


@dataclass(frozen=True, slots=True)
class _Part:
    """A paragraph, or with `is_code` a fenced block and its info string, and the heading above it."""

    heading: str
    text: str
    info: str = ""
    is_code: bool = False


def _parts(text: str) -> list[_Part]:
    """What the page shows, in its order, but for quotes, tables and HTML."""
    parts: list[_Part] = []
    heading, quotes = "", 0
    tokens = tokens_of(text)
    for before, token in zip([None, *tokens], tokens, strict=False):
        quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
        if quotes:
            continue
        if token.type == "fence":
            parts.append(_Part(heading, token.content, token.info.strip(), is_code=True))
        elif token.type == "inline" and before is not None:
            said = without_comments(token.content).strip()
            if before.type == "heading_open":
                heading = said.strip("*_:# ").lower()
            elif before.type == "paragraph_open" and said not in ("", _EMPTY_FIELD):
                parts.append(_Part(heading, said))
    return parts


_EMPTY_FIELD = "_No response_"
_FILE_HEADINGS = ("file", "path", "file path", "target", "module", "where")
_PATH_LABEL = re.compile(r"(?:file|path|target|module)\s*:\s*", re.IGNORECASE)


def _stubs(parts: list[_Part], description: str) -> list[IssueStub | IssueProblem]:
    """The stubs of every block of Python, or what each block lacks."""
    prose = [part for part in parts if not part.is_code]
    # The form's own field is meant; else what is said last before the block, else what is said first.
    field = _first_path([part for part in prose if part.heading in _FILE_HEADINGS])
    said, first = None, _first_path(prose)
    found: list[IssueStub | IssueProblem] = []
    for part in parts:
        if not part.is_code:
            said = next((name.path for name in reversed(_mentions(part.text))), said)
            continue
        if not _is_python(part.info):
            continue
        specs = specs_in(part.text)
        if isinstance(specs, str):
            found.append(IssueProblem(specs))
            continue
        path = _path_of(part) or field or said or first
        if path is None:
            found.append(_NO_PATH)
        else:
            found += [IssueStub(replace(_described(s, description), path=path)) for s in specs]
    return found


def _described(spec: FunctionSpec, description: str) -> FunctionSpec:
    """The issue's words describe a stub that has no docstring of its own."""
    return spec if spec.description else replace(spec, description=description)


def _is_python(info: str) -> bool:
    language = info.partition(" ")[0].lower()
    return language in ("", "python", "py", "python3") or language.endswith(".py")


def _path_of(block: _Part) -> str | None:
    """The path that a block names itself: behind its fence, or in a comment at its top."""
    first = block.text.lstrip().partition("\n")[0]
    named = _mentions(block.info) + (_mentions(first) if first.startswith("#") else [])
    return named[0].path if named else None


def _first_path(prose: list[_Part]) -> str | None:
    return next((name.path for part in prose for name in _mentions(part.text)), None)


def _names_in(text: str) -> list[FunctionName]:
    return [name for name in _mentions(text) if name.qualname]


_MENTION = re.compile(r"(?<![\w/.:@-])((?:[\w.-]+/)*[\w.-]+\.py)(?:::([\w.]+))?(?![\w/])")


def _mentions(text: str) -> list[FunctionName]:
    """The Python files that a text speaks of; `qualname` is empty where no function is named."""
    return [
        FunctionName(path, qualname)
        for path, qualname in ((m[1], (m[2] or "").rstrip(".")) for m in _MENTION.finditer(text))
        if is_python_path(path) and (not qualname or is_qualname(qualname))
    ]


def _description(parts: list[_Part]) -> str:
    """The issue's prose, without the lines that only name a file."""
    prose = [p for p in parts if not p.is_code and p.heading not in _FILE_HEADINGS]
    told = [part.text for part in prose if not _only_names(part.text)]
    return truncated("\n\n".join(told), MAX_DESCRIPTION)


def _only_names(text: str) -> bool:
    return not re.sub(r"[\s`*,.:]", "", _MENTION.sub("", _PATH_LABEL.sub("", text)))
