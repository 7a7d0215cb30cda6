"""Which stubs are meant: from a command and the place where it was given to `FunctionSpec`s.

Reads files through the forge; decides by the pure `bot.patches`, `bot.stubs` and `bot.issueform`. Files
are read at the head that is named by its hash, so that what is written later can be held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from bot import refusals, replies
from bot.commands import FunctionName
from bot.forge.base import ChangedFile, FileStatus, Forge, PullRequest, State
from bot.issueform import IssueProblem, IssueStub, read_issue
from bot.patches import stub_at, touched_stubs
from bot.paths import is_python_path
from bot.refusal import Refusal
from bot.repoconfig import RepoConfig
from bot.sanitize import plain, without_comments
from bot.stubs import parse, spec_from_source
from bot.textfile import TextFile
from engine.errors import BadInput
from engine.functions import find_function
from engine.spec import FunctionSpec

_T = TypeVar("_T")

_HAS_SOURCE = frozenset(FileStatus) - {FileStatus.REMOVED, FileStatus.UNCHANGED}


@dataclass(frozen=True, slots=True)
class Base:
    """What a solution is written onto: a branch of the repository, as it was at `sha`.

    `is_ours` is False for a fork's branch, which is never pushed to: then the code is given in words.
    """

    branch: str
    sha: str
    is_ours: bool = True


@dataclass(frozen=True, slots=True)
class Targets:
    """The stubs that are meant, in the order of their files, and what their solutions go onto."""

    base: Base
    specs: tuple[FunctionSpec, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Where a review comment stands; `line` is None where the comment is outdated."""

    path: str
    line: int | None
    commit: str


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds stubs in one repository. Every method raises Refusal when there is none, and ForgeError."""

    forge: Forge
    repository: str
    config: RepoConfig

    def in_pull(
        self, number: int, target: FunctionName | None = None, at: Line | None = None
    ) -> Targets:
        """The target, or the stub at a line, or every stub that the pull request adds or touches."""
        pull = self.forge.pull_request(self.repository, number)
        if pull.state is not State.OPEN:
            raise Refusal(refusals.closed(on_pull=True))
        base = Base(pull.head.ref, pull.head.sha, is_ours=not pull.from_fork)
        if target is not None:
            return Targets(base, (self._named(target, base.sha),))
        if at is not None:
            return Targets(base, (self._at(at, base.sha),))
        return Targets(base, tuple(self._touched(pull)))

    def in_issue(
        self, body: str, branch: str | None, target: FunctionName | None = None
    ) -> Targets:
        """The target, or what the issue's body spells out; onto `branch` or the default branch."""
        wanted = branch or self.config.base or self.forge.repository(self.repository).default_branch
        sha = self.forge.branch_sha(self.repository, wanted)
        if sha is None:
            raise Refusal(refusals.no_branch(wanted))
        base = Base(wanted, sha)
        if target is not None:
            return Targets(base, (self._named(target, sha),))
        wishes = read_issue(body)
        if isinstance(wishes, IssueProblem):
            raise Refusal(replies.issue_problem(wishes))
        specs = [
            self._spelt_out(wish.spec, sha)
            if isinstance(wish, IssueStub)
            else self._named(wish, sha)
            for wish in wishes.wishes
        ]
        return Targets(base, tuple(specs))

    def source(self, path: str, sha: str) -> str | None:
        """The text of a file, None where there is none. Raises Refusal where it may not be written."""
        if not is_python_path(path) or not self.config.path_filter.allows(path):
            raise Refusal(refusals.path_blocked(path))
        file = self.forge.read_file(self.repository, path, sha)
        if file is None:
            return None
        return _checked(lambda: TextFile.of(Path(path), file.content).text)

    def _named(self, target: FunctionName, sha: str) -> FunctionSpec:
        text = self.source(target.path, sha)
        if text is None:
            raise Refusal(refusals.no_file(target.path))
        return self._named_in(text, target.qualname, target.path)

    def _at(self, at: Line, sha: str) -> FunctionSpec:
        if at.line is None:
            raise Refusal(refusals.no_stub_at_line())
        text = self.source(at.path, at.commit)
        stub = _checked(lambda: stub_at(at.path, text, at.line or 0)) if text else None
        if stub is None:
            raise Refusal(refusals.no_stub_at_line())
        # The comment may be on an older commit: the stub is filled as it is at the head.
        return self._named(FunctionName(at.path, stub.qualname), sha)

    def _touched(self, pull: PullRequest) -> Iterator[FunctionSpec]:
        found = False
        for file in self.forge.changed_files(self.repository, pull.number):
            if file.status not in _HAS_SOURCE or not is_python_path(file.path):
                continue
            if not self.config.path_filter.allows(file.path):
                continue
            for spec in self._touched_in(file, pull):
                found = True
                yield spec
        if not found:
            raise Refusal(refusals.no_stubs())

    def _touched_in(self, file: ChangedFile, pull: PullRequest) -> Iterator[FunctionSpec]:
        text = self.source(file.path, pull.head.sha)
        if text is None:
            return
        before = None
        if file.patch is None and file.status is not FileStatus.ADDED:
            before = self.source(file.previous_path or file.path, pull.base.sha)
        try:
            stubs = touched_stubs(file.path, text, patch=file.patch, before=before)
        except BadInput:
            return  # one file that does not parse is no reason to leave the others alone
        for stub in stubs:
            yield self._named_in(text, stub.qualname, file.path)

    def _named_in(self, text: str, qualname: str, path: str) -> FunctionSpec:
        return as_data(_checked(lambda: spec_from_source(text, qualname, path=path)))

    def _spelt_out(self, spec: FunctionSpec, sha: str) -> FunctionSpec:
        """The issue's stub in its file: as it is there, or put at the file's end, or in a new file."""
        text = self.source(spec.path, sha)
        if text is None:
            return spec
        if find_function(_checked(lambda: parse(text, spec.path)), spec.qualname) is not None:
            there = self._named_in(text, spec.qualname, spec.path)
            return there if there.description else replace(there, description=spec.description)
        joined = f"{text.rstrip()}\n\n\n{spec.module.strip()}\n" if text.strip() else spec.module
        return replace(spec, module=joined)


def as_data(spec: FunctionSpec) -> FunctionSpec:
    """The spec without anything in its words that a model reads and a person does not see."""
    return replace(spec, description=plain(without_comments(spec.description)).strip())


def _checked(read: Callable[[], _T]) -> _T:
    """What `read` returns; what it finds wrong with a repository's file is told to who asked."""
    try:
        return read()
    except BadInput as error:
        raise Refusal(refusals.cannot(str(error))) from error
