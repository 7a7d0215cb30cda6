"""From a solution to a pull request: checked again, written surgically, committed once, opened once.

Every step may be cut off and is then done again with the same outcome: what the commit goes onto is
written down before it is made, so its repetition is the same commit, on the same branch, and one branch
has one pull request.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bot import refusals
from bot.branches import branch_name
from bot.checkouts import checked_out, project_of
from bot.forge.base import FileStatus, NewCommit, PullRequest, Signature
from bot.forge.errors import Conflict
from bot.intake import check_may_ask, repository_config
from bot.landing import place_of_test, with_import
from bot.proof import proof_of
from bot.pullrequest import PullReport, Requester, body, commit_message, title
from bot.refusal import Refusal
from bot.repoconfig import RepoConfig
from bot.requests import Request, RequestStatus, SubjectKind
from bot.services import Services
from bot.store.queries import RequestFilter
from bot.stubs import parse, spec_from_source
from bot.targets import as_data
from bot.textfile import TextFile
from engine.errors import BadInput, SandboxUnavailable
from engine.functions import does_nothing, find_function
from engine.sandbox.base import Project, Sandbox
from engine.search import Solution
from engine.spec import FunctionSpec
from engine.splice import SpliceError, splice
from engine.verdicts import Verdict

AUTHOR = ("supercharge[bot]", "supercharge[bot]@users.noreply.github.com")


@dataclass(frozen=True, slots=True)
class Change:
    """What a solution comes to in the repository: the file with the body, and the test."""

    path: str
    source: bytes
    test_path: str
    test: str

    @property
    def files(self) -> dict[str, bytes | None]:
        return {self.path: self.source, self.test_path: self.test.encode()}

    @property
    def digest(self) -> str:
        """Names these very files and no others."""
        told = json.dumps([[path, (text or b"").hex()] for path, text in self.files.items()])
        return hashlib.sha256(told.encode()).hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class HandOver:
    """Hands solved requests over. `worker` holds the request's lease."""

    services: Services
    worker: str
    open_sandbox: Callable[[Project | None], Sandbox]

    def hand_over(self, request: Request, solution: Solution) -> Request:
        """Open the pull request, or grow the one there is, or leave the code to words.

        Returns the request as it is then. Raises Refusal where it may not or cannot be done, and
        ForgeError, StoreUnavailable and LeaseLost.
        """
        config = repository_config(self.services, request.repository)
        check_may_ask(self.services, request.repository, request.requester, config)
        if request.options.dry_run or not self._may_push(request):
            return self._end(request, RequestStatus.ANSWERED, "the code is given in a comment")
        request = self._with_base(request)
        change = self._change(request, solution, config)
        report = self._report(request, solution, change)
        self._commit(request, change, report)
        pull = self._open(request, report, config)
        return self._end(request, RequestStatus.PR_OPENED, pull.url, pull_number=pull.number)

    def _may_push(self, request: Request) -> bool:
        """A fork's branch is never pushed to; only a pull request's base can be one."""
        if request.subject.kind is SubjectKind.ISSUE or request.pull_number is not None:
            return True
        pull = self.services.forge.pull_request(request.repository, request.subject.number)
        return not pull.from_fork

    def _with_base(self, request: Request) -> Request:
        """The request with its branch, and the commit that it goes onto, written down."""
        if request.branch is not None and request.head_sha:
            return request  # this was cut off: it is done again on the same commit
        onto = request.branch if request.pull_number is not None else request.base_branch
        sha = self.services.forge.branch_sha(request.repository, onto or "")
        if sha is None:
            raise Refusal(refusals.no_branch(onto or ""))
        branch = request.branch or branch_name(
            on_pull=request.subject.kind is SubjectKind.PULL,
            number=request.subject.number,
            qualname=request.qualname,
            path=request.path,
            key=request.id,
        )
        # It has come further: workers that died before this died over something else.
        return self.services.store.update_request(
            request.id, branch=branch, head_sha=sha, lost_leases=0
        )

    def _change(self, request: Request, solution: Solution, config: RepoConfig) -> Change:
        with checked_out(self.services.forge, request.repository, request.head_sha) as root:
            path = root / request.path
            file = _source_of(request, path)
            try:
                text = splice(file.text, request.qualname, solution.code)
                source = file.encoded(text)
            except (SpliceError, BadInput) as error:
                raise Refusal(refusals.cannot(f"the new body does not fit: {error}")) from error
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source)
            test_file, module = self._test_place(request, config, root)
            test = with_import(solution.test, request.spec.import_name, module)
            change = Change(request.path, source, test_file.relative_to(root).as_posix(), test)
            self._prove(request, root, change)
            return change

    def _prove(self, request: Request, root: Path, change: Change) -> None:
        """The test as it lands must pass on the code as it lands, with the repository around both.

        Once: what was proved before the work was cut off, or GitHub went away, is not proved again.
        """
        store, key = self.services.store, f"proof {request.id} {request.head_sha} {change.digest}"
        known = store.begin_effect(key, request.id)
        if known is not None and known.done_at is not None:
            return
        place = f"{request.id}-landed"
        with self.open_sandbox(project_of(root, request.path)) as sandbox:
            result = sandbox.confirm(
                (place, place),
                "",
                change.test,
                entry_point="supercharge_landed",
                timeout_s=self.services.settings.search.timeout_s,
            )
        if result.verdict is Verdict.SANDBOX_ERROR:
            raise SandboxUnavailable(result.message, remedy="supercharge doctor")
        if result.verdict is not Verdict.PASSED:
            said = f"{result.error}: {result.message}" if result.message else result.error
            words = f"the test does not pass in a checkout of the repository ({said})"
            raise Refusal(refusals.cannot(words))
        store.finish_effect(key)

    def _test_place(self, request: Request, config: RepoConfig, root: Path) -> tuple[Path, str]:
        name = request.spec.entry_point
        if config.test_dir:
            folder = root / config.test_dir
            folder.mkdir(parents=True, exist_ok=True)
            found, module = place_of_test(root / request.path, name, folder=folder)
        else:
            found, module = place_of_test(root / request.path, name)
        known = self._own_test(request)
        return (root / known if known else found), module

    def _own_test(self, request: Request) -> str | None:
        """The test that our own pull request has already: an improvement replaces it."""
        if request.pull_number is None:
            return None
        files = self.services.forge.changed_files(request.repository, request.pull_number)
        mine = f"test_{request.spec.entry_point}"
        return next(
            (
                file.path
                for file in files
                if file.status is FileStatus.ADDED and Path(file.path).stem.startswith(mine)
            ),
            None,
        )

    def _report(self, request: Request, solution: Solution, change: Change) -> PullReport:
        settings, store = self.services.settings, self.services.store
        pool_id = request.pool_id or ""
        about = store.get_pool(pool_id).about
        turns = store.attempts_of(request.id)
        now = self.services.clock()
        threshold = request.options.threshold or settings.search.threshold
        first = self._first(request)
        on_issue = first.subject.kind is SubjectKind.ISSUE
        return PullReport(
            request_id=request.id,
            path=change.path,
            qualname=request.qualname,
            test_path=change.test_path,
            requester=Requester(request.requester, request.requester_id or 0),
            proof=proof_of(solution, threshold=threshold, judge_weight=settings.judge.weight),
            model=str(about.get("model", "")),
            seed=None,
            seconds=sum(((t.ended_at or now) - t.started_at).total_seconds() for t in turns),
            attempts=len(turns),
            sandbox=str(about.get("sandbox", "")),
            pool_id=pool_id,
            commit=str(about.get("commit", "")),
            warnings=tuple(map(str, about.get("warnings", ()))),
            closes=first.subject.number if on_issue else None,
            base_pull=None if on_issue else first.subject.number,
            wish=request.options.wish,
        )

    def _first(self, request: Request) -> Request:
        """The request that the branch was made for: a later wish does not change what it closes."""
        branch = RequestFilter(repository=request.repository, branch=request.branch)
        return self.services.store.list_requests(branch)[-1]

    def _commit(self, request: Request, change: Change, report: PullReport) -> None:
        who = Signature(*AUTHOR, at=request.created_at.replace(microsecond=0))
        new = NewCommit(
            branch=request.branch or "",
            parent=request.head_sha,
            message=commit_message(report),
            files=change.files,
            author=who,
            committer=who,
        )
        try:
            self.services.forge.commit(request.repository, new)
        except Conflict as error:
            words = f"the branch {request.branch} has commits that are not mine"
            raise Refusal(refusals.cannot(words)) from error

    def _open(self, request: Request, report: PullReport, config: RepoConfig) -> PullRequest:
        forge = self.services.forge
        if request.pull_number is not None:
            return forge.update_pull_request(
                request.repository, request.pull_number, body=body(report)
            )
        return forge.open_pull_request(
            request.repository,
            title=title(report),
            body=body(report),
            head=request.branch or "",
            base=request.base_branch,
            draft=config.draft,
        )

    def _end(
        self, request: Request, status: RequestStatus, reason: str, **changes: object
    ) -> Request:
        return self.services.store.transition(
            request.id, status, reason, worker=self.worker, **changes
        )


def _source_of(request: Request, path: Path) -> TextFile:
    """The stub's file as it is now, with the stub in it. Raises Refusal where it is there no more."""
    spec, may_add = request.spec, request.subject.kind is SubjectKind.ISSUE
    if not path.exists():
        if may_add:
            return TextFile(path, spec.module, "utf-8")
        raise Refusal(refusals.no_file(request.path))
    try:
        file = TextFile.read(path)
        node = find_function(parse(file.text, request.path), request.qualname)
    except BadInput as error:
        raise Refusal(refusals.cannot(str(error))) from error
    if node is None:
        if may_add:
            return replace(file, text=_with_stub(file.text, spec))
        raise Refusal(refusals.stub_changed(request.path, request.qualname))
    if not does_nothing(node):
        if request.pull_number is None:
            raise Refusal(refusals.stub_changed(request.path, request.qualname))
        return file
    now = as_data(spec_from_source(file.text, request.qualname, path=request.path))
    same_words = now.description in ("", spec.description)
    if now.prototype != spec.prototype or not same_words:
        raise Refusal(refusals.stub_changed(request.path, request.qualname))
    return file


def _with_stub(text: str, spec: FunctionSpec) -> str:
    """The file with the stub that an issue spelt out at its end."""
    if spec.module.startswith(text.rstrip()):
        return spec.module
    tree = parse(spec.module, spec.path)
    home = next(node for node in tree.body if getattr(node, "name", "") == spec.import_name)
    lines = spec.module.splitlines(keepends=True)
    first = min([home.lineno, *(d.lineno for d in getattr(home, "decorator_list", []))])
    return f"{text.rstrip()}\n\n\n{''.join(lines[first - 1 : home.end_lineno])}"
