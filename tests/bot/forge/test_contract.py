"""The port's contract, kept by the real client over real HTTP, with a token and with an App."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.forge.base import (
    CheckConclusion,
    CheckReport,
    CheckStatus,
    Conflict,
    FileStatus,
    Forbidden,
    Forge,
    Invalid,
    NewCommit,
    NotFound,
    Permission,
    Reaction,
    Repository,
    ReviewState,
    Signature,
    State,
    Target,
    TargetKind,
    Unavailable,
)
from bot.forge.fake import FaultKind, LoopbackGitHub
from bot.forge.fake.rest import Exchange
from bot.forge.github import open_github
from bot.forge.settings import GitHubSettings
from tests.bot.forge.scenes import CALC, REPO, Opens, judged

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ADA = Signature("Ada", "1+ada@users.noreply.github.com", AT)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def new_commit(forge: Forge, branch: str = "supercharge/pr-1", **changes: Any) -> NewCommit:
    parent = forge.branch_sha(REPO, "main")
    assert parent is not None
    files = {"calc.py": b"def add(a, b):\n    return a + b\n"}
    plain = NewCommit(branch, parent, "Fill add", files, ADA, ADA)
    return dataclasses.replace(plain, **changes)


# -- who and where ---------------------------------------------------------------------------------


def test_it_knows_the_account_that_it_speaks_as(forge: Forge, kind: str) -> None:
    login = {"token": "supercharge-bot", "app": "supercharge[bot]"}[kind]
    me = forge.me()
    assert (me.login, me.is_bot) == (login, kind == "app")
    assert forge.me() == me


def test_it_lists_the_repositories_that_it_can_work_in(
    github: LoopbackGitHub, forge: Forge
) -> None:
    github.repository("other/thing", {"a": "1"})
    assert forge.repositories() == (REPO,)


def test_it_tells_what_a_repository_is(forge: Forge) -> None:
    assert forge.repository(REPO) == Repository(REPO, "main", private=True, fork=False)


def test_given_no_such_repository_then_nothing_is_found(forge: Forge) -> None:
    with pytest.raises(NotFound):
        forge.repository("octo/nothing")


@pytest.mark.parametrize("ask", ["repository", "issue", "pull_request"])
def test_given_nothing_changed_then_asking_again_costs_no_quota(
    github: LoopbackGitHub, by_token: Forge, ask: str
) -> None:
    number = github.open_pull(REPO, by="alice", head="add", files={"calc.py": "1\n"})
    arguments = (REPO,) if ask == "repository" else (REPO, number)
    first, before = getattr(by_token, ask)(*arguments), github.rest.used
    assert getattr(by_token, ask)(*arguments) == first
    assert github.rest.used == before


def test_given_it_changed_then_the_new_state_is_seen(github: LoopbackGitHub, forge: Forge) -> None:
    number = github.open_issue(REPO, "Fill", by="alice")
    assert forge.issue(REPO, number).state is State.OPEN
    github.close_issue(REPO, number, by="alice")
    assert forge.issue(REPO, number).state is State.CLOSED


@pytest.mark.parametrize("role", list(Permission))
def test_it_tells_what_somebody_may_do(
    github: LoopbackGitHub, by_token: Forge, role: Permission
) -> None:
    github.set_role(REPO, "carol", role)
    assert by_token.permission(REPO, "carol") is role


def test_somebody_unknown_may_do_nothing(forge: Forge) -> None:
    assert forge.permission(REPO, "nobody") is Permission.NONE
    assert forge.permission(REPO, "a/../b?c#d") is Permission.NONE


def test_an_outsider_may_only_read_what_is_public(github: LoopbackGitHub, opened: Opens) -> None:
    github.repository("octo/open", {"a": "1"}, roles={"supercharge-bot": Permission.WRITE})
    github.user("mallory")
    assert opened("token").permission("octo/open", "mallory") is Permission.READ


# -- content ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"a\r\n\xff\x00b", "é\n".encode(), b"x" * 1_100_000])
def test_a_file_is_read_byte_for_byte(
    github: LoopbackGitHub, by_token: Forge, content: bytes
) -> None:
    sha = github.push(REPO, "work/é", {"lib/é x.py": content}, by="alice")
    for ref in ("work/é", sha):
        found = by_token.read_file(REPO, "lib/é x.py", ref)
        assert found is not None
        assert found.content == content
    hashed = subprocess.run(
        ["git", "hash-object", "--stdin"], input=content, capture_output=True, check=True
    )
    assert found.sha == hashed.stdout.decode().strip()


@pytest.mark.parametrize(("path", "ref"), [("no.py", "main"), ("lib", "main"), ("calc.py", "no")])
def test_what_is_no_file_is_none(by_token: Forge, path: str, ref: str) -> None:
    assert by_token.read_file(REPO, path, ref) is None


def test_it_lists_every_file_of_a_branch_or_commit(github: LoopbackGitHub, by_token: Forge) -> None:
    sha = github.push(REPO, "a/b", {"z/y/x.py": "1\n"}, by="alice")
    for ref in ("a/b", sha):
        assert by_token.list_paths(REPO, ref) == ("calc.py", "lib/é x.py", "z/y/x.py")


def test_given_a_tree_too_large_for_one_answer_then_it_is_walked(
    github: LoopbackGitHub, by_token: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"a/b/c/1.py": "1\n", "a/b/2.py": "2\n", "calc.py": None}
    github.push(REPO, "deep", files, by="alice")
    monkeypatch.setattr("bot.forge.fake.routes.gitdata._MAX_ENTRIES", 2)
    assert by_token.list_paths(REPO, "deep") == ("a/b/2.py", "a/b/c/1.py", "lib/é x.py")


def test_links_and_submodules_are_no_files(github: LoopbackGitHub, by_token: Forge) -> None:
    linked(github)
    assert by_token.list_paths(REPO, "linked") == ("calc.py", "lib/é x.py")


def linked(github: LoopbackGitHub) -> str:
    """A branch with a link to a secret of the host's, and a submodule."""
    git = github.world.repositories[REPO].git
    main = git.branch("main") or ""
    entries = [("120000", "etc", git.write_blob(b"/etc/passwd")), ("160000", "sub", main)]
    commit = git.commit(main)
    tree = git.write_tree(commit.tree, entries)
    sha = git.write_commit(tree, [main], "Link", commit.author, commit.author)
    git.set_ref("refs/heads/linked", sha)
    return sha


def test_a_branch_has_a_commit_or_is_none(github: LoopbackGitHub, forge: Forge) -> None:
    sha = github.push(REPO, "a/b", {"x": "1"}, by="alice")
    assert forge.branch_sha(REPO, "a/b") == sha
    assert forge.branch_sha(REPO, "a") is None


def test_an_empty_repository_has_no_branch(github: LoopbackGitHub, opened: Opens) -> None:
    github.repository("octo/empty", roles={"supercharge-bot": Permission.WRITE})
    assert opened("token").branch_sha("octo/empty", "main") is None


# -- commits ---------------------------------------------------------------------------------------


def test_a_commit_makes_its_branch_and_changes_only_what_it_names(
    github: LoopbackGitHub, forge: Forge
) -> None:
    message = "Fill add\n\nCo-authored-by: Alice <2+alice@users.noreply.github.com>"
    files = {"tests/test_calc.py": b"\xff\r\n", "lib/é x.py": None, "absent": None}
    new = new_commit(forge, message=message, files=files)

    sha = forge.commit(REPO, new)

    assert forge.branch_sha(REPO, new.branch) == sha
    assert forge.list_paths(REPO, sha) == ("calc.py", "tests/test_calc.py")
    assert github.read(REPO, sha, "tests/test_calc.py") == b"\xff\r\n"
    made = github.world.repositories[REPO].git.commit(sha)
    assert (made.message, made.parents) == (message, (new.parent,))
    assert (made.author.name, made.author.email, made.author.at) == ("Ada", ADA.email, AT)


def test_a_file_keeps_its_mode(github: LoopbackGitHub, forge: Forge) -> None:
    parent = github.push(REPO, "main", {"bin/run.sh": "1\n"}, by="alice")
    sha = forge.commit(REPO, new_commit(forge, parent=parent, files={"bin/run.sh": b"2\n"}))
    entry = github.world.repositories[REPO].git.entry(sha, "bin/run.sh")
    assert entry is not None
    assert entry.mode == "100755"


def test_the_same_commit_again_is_the_same_one(github: LoopbackGitHub, forge: Forge) -> None:
    new = new_commit(forge)
    sha = forge.commit(REPO, new)
    assert forge.commit(REPO, new) == sha
    assert github.world.repositories[REPO].git.commits("main", sha) == 1


def test_without_an_author_too_the_same_commit_again_is_the_same_one(tmp_path: Path) -> None:
    now = [AT]
    with LoopbackGitHub(tmp_path / "github", clock=lambda: now[0]) as github, judged(github):
        github.repository(REPO, {"calc.py": CALC})
        settings = GitHubSettings(base_url=github.api, token=github.token("octo"))
        with open_github(settings) as forge:
            new = new_commit(forge, author=None, committer=None)
            sha = forge.commit(REPO, new)
            # GitHub would give a commit of a minute later another hash.
            now[0] += timedelta(minutes=1)
            assert forge.commit(REPO, new) == sha
        assert github.world.repositories[REPO].git.commit(sha).author.name == "octo"


def test_given_the_answer_was_lost_then_the_repetition_finds_the_commit(
    github: LoopbackGitHub, forge: Forge
) -> None:
    new = new_commit(forge)
    github.faults.plan(FaultKind.LOST_ANSWER, method="POST", path="/git/refs$")
    with pytest.raises(Unavailable):
        forge.commit(REPO, new)
    sha = github.world.repositories[REPO].git.branch(new.branch)
    assert forge.commit(REPO, new) == sha


def test_a_second_commit_goes_onto_the_first(forge: Forge) -> None:
    first = new_commit(forge)
    parent = forge.commit(REPO, first)
    second = NewCommit(first.branch, parent, "Improve add", {"calc.py": b"2\n"}, ADA, ADA)
    sha = forge.commit(REPO, second)
    assert forge.branch_sha(REPO, first.branch) == sha
    assert forge.commit(REPO, second) == sha


def test_given_somebody_pushed_meanwhile_then_nothing_is_overwritten(
    github: LoopbackGitHub, forge: Forge
) -> None:
    new = new_commit(forge)
    theirs = github.push(REPO, new.branch, {"calc.py": "# mine\n"}, by="alice")
    with pytest.raises(Conflict, match=new.branch):
        forge.commit(REPO, new)
    assert forge.branch_sha(REPO, new.branch) == theirs


def test_given_somebody_pushes_at_that_moment_then_nothing_is_overwritten(
    github: LoopbackGitHub, forge: Forge
) -> None:
    new = new_commit(forge)
    github.push(REPO, new.branch, {}, by="alice", message="Same files")
    parent = forge.branch_sha(REPO, new.branch)
    pushed = []

    def push_after_the_check(exchange: Exchange) -> None:
        if exchange.request.path.endswith("/git/commits") and not pushed:
            pushed.append(github.push(REPO, new.branch, {"theirs.py": "1\n"}, by="alice"))

    github.observe(push_after_the_check)
    with pytest.raises(Conflict):
        forge.commit(REPO, dataclasses.replace(new, parent=parent))
    assert forge.branch_sha(REPO, new.branch) == pushed[0]


def test_given_its_twin_commits_at_that_moment_then_both_have_the_same_one(
    github: LoopbackGitHub, forge: Forge
) -> None:
    new, made = new_commit(forge), []

    def commit_after_the_check(exchange: Exchange) -> None:
        if exchange.request.path.endswith("/git/commits") and exchange.reply.status == 201:
            git = github.world.repositories[REPO].git
            made.append(exchange.reply.body["sha"])
            git.set_ref(f"refs/heads/{new.branch}", made[0])

    github.observe(commit_after_the_check)
    assert forge.commit(REPO, new) == made[0]


def test_a_link_is_not_written_through(github: LoopbackGitHub, by_token: Forge) -> None:
    parent = linked(github)
    for path in ("etc", "etc/passwd"):
        with pytest.raises(Conflict):
            by_token.commit(REPO, new_commit(by_token, parent=parent, files={path: b"x"}))


def test_given_only_read_access_then_a_commit_is_forbidden(
    github: LoopbackGitHub, opened: Opens
) -> None:
    forge = opened("token")
    new = new_commit(forge)
    github.set_role(REPO, "supercharge-bot", Permission.READ)
    with pytest.raises(Forbidden):
        forge.commit(REPO, new)


# -- checkouts -------------------------------------------------------------------------------------


def test_a_checkout_has_the_files_of_the_commit_and_nothing_else(
    github: LoopbackGitHub, forge: Forge, tmp_path: Path
) -> None:
    first = github.push(REPO, "main", {"bin/run.sh": "1\n"}, by="alice")
    github.push(REPO, "main", {"calc.py": "later\n"}, by="alice")

    forge.checkout(REPO, first, tmp_path / "tree")

    found = {p.relative_to(tmp_path / "tree").as_posix() for p in (tmp_path / "tree").rglob("*")}
    assert found == {"bin", "bin/run.sh", "calc.py", "lib", "lib/é x.py"}
    assert (tmp_path / "tree" / "calc.py").read_text(encoding="utf-8") == CALC
    assert os.access(tmp_path / "tree" / "bin" / "run.sh", os.X_OK)


def test_a_checkout_follows_no_link_out_of_its_directory(
    github: LoopbackGitHub, forge: Forge, tmp_path: Path
) -> None:
    forge.checkout(REPO, linked(github), tmp_path / "tree")
    link = tmp_path / "tree" / "etc"
    assert not link.is_symlink()
    assert link.read_text(encoding="ascii") == "/etc/passwd"


def test_the_head_of_a_fork_can_be_checked_out(
    github: LoopbackGitHub, by_token: Forge, tmp_path: Path
) -> None:
    fork = github.fork(REPO, "alice").full_name
    number = github.open_pull(REPO, by="alice", head="f", files={"f.py": "1\n"}, from_fork=fork)
    pull = by_token.pull_request(REPO, number)
    by_token.checkout(REPO, pull.head.sha, tmp_path / "tree")
    assert (tmp_path / "tree" / "f.py").exists()


def test_given_no_such_commit_then_the_checkout_says_so(forge: Forge, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        forge.checkout(REPO, "1" * 40, tmp_path / "tree")


# -- issues and comments ---------------------------------------------------------------------------


def test_an_issue_is_read_whole(github: LoopbackGitHub, forge: Forge) -> None:
    number = github.open_issue(REPO, "Fill add", "Please.", by="alice", labels=["bug", "help me"])
    issue = forge.issue(REPO, number)
    assert issue.author is not None
    assert (issue.number, issue.title, issue.body) == (number, "Fill add", "Please.")
    assert (issue.author.login, issue.author.is_bot) == ("alice", False)
    assert (issue.state, issue.labels) == (State.OPEN, ("bug", "help me"))
    assert not issue.is_pull_request
    assert issue.url == f"{github.url}/{REPO}/issues/{number}"


def test_a_pull_request_is_an_issue_too(github: LoopbackGitHub, forge: Forge) -> None:
    number = github.open_pull(REPO, by="alice", head="add", files={"calc.py": "1\n"})
    assert forge.issue(REPO, number).is_pull_request


def test_labels_are_added_and_removed_and_both_can_be_repeated(
    github: LoopbackGitHub, by_token: Forge
) -> None:
    number = github.open_issue(REPO, "Fill", by="alice")
    for _ in range(2):
        by_token.add_labels(REPO, number, ("supercharge:running", "é /?"))
        assert by_token.issue(REPO, number).labels == ("supercharge:running", "é /?")
    for _ in range(2):
        by_token.remove_label(REPO, number, "é /?")
        assert by_token.issue(REPO, number).labels == ("supercharge:running",)
    by_token.add_labels(REPO, number, ())


def test_open_issues_are_listed_by_what_was_done_to_them_last(
    github: LoopbackGitHub, forge: Forge
) -> None:
    first = github.open_issue(REPO, "One", by="alice", labels=["supercharge"])
    second = github.open_pull(REPO, by="alice", head="add", files={"calc.py": "1\n"})
    closed = github.open_issue(REPO, "Three", by="alice")
    github.close_issue(REPO, closed, by="alice")
    found = forge.updated_issues(REPO, since=LONG_AGO)
    assert {(issue.number, issue.labels, issue.is_pull_request) for issue in found} == {
        (first, ("supercharge",), False),
        (second, (), True),
    }
    assert forge.updated_issues(REPO, since=datetime.now(UTC) + timedelta(hours=1)) == ()


def test_it_tells_who_put_a_label_on_last(github: LoopbackGitHub, forge: Forge) -> None:
    number = github.open_issue(REPO, "One", by="alice", labels=["supercharge", "bug"])
    forge.remove_label(REPO, number, "supercharge")
    first = forge.last_labelling(REPO, number, "Supercharge")
    github.label(REPO, number, "supercharge", by="bob")
    last = forge.last_labelling(REPO, number, "Supercharge")

    assert first is not None
    assert last is not None
    assert last.by is not None
    assert (last.by.login, last.label) == ("bob", "supercharge")
    assert last.id > first.id
    assert forge.last_labelling(REPO, number, "other") is None


def test_reviews_are_listed_oldest_first(github: LoopbackGitHub, forge: Forge) -> None:
    number = github.open_pull(REPO, by="alice", head="add", files={"calc.py": "1\n"})
    assert forge.reviews(REPO, number) == ()
    first = github.review(REPO, number, "No.", by="bob")
    second = github.review(REPO, number, "", by="alice", state="approved")

    found = forge.reviews(REPO, number)
    assert [(r.id, r.pull, r.body, r.state) for r in found] == [
        (first, number, "No.", ReviewState.CHANGES_REQUESTED),
        (second, number, "", ReviewState.APPROVED),
    ]
    assert [r.author and r.author.login for r in found] == ["bob", "alice"]
    assert found[0].submitted_at >= LONG_AGO


def test_a_comment_is_made_edited_and_read(github: LoopbackGitHub, forge: Forge) -> None:
    number = github.open_issue(REPO, "Fill", by="alice")
    made = forge.create_comment(REPO, number, "On it.")
    assert (made.issue, made.body, made.author) == (number, "On it.", forge.me())
    edited = forge.edit_comment(REPO, made.id, "Done.")
    assert (edited.id, edited.body) == (made.id, "Done.")
    assert forge.comment(REPO, made.id) == edited
    assert forge.comments(REPO, number) == (edited,)


def test_a_deleted_comment_is_none(github: LoopbackGitHub, forge: Forge) -> None:
    number = github.open_issue(REPO, "Fill", by="alice")
    comment = github.comment(REPO, number, "/supercharge", by="alice")
    github.delete_comment(REPO, comment, by="alice")
    assert forge.comment(REPO, comment) is None


def test_given_more_comments_than_a_page_holds_then_all_are_listed(
    github: LoopbackGitHub, by_token: Forge
) -> None:
    number = github.open_issue(REPO, "Fill", by="alice")
    made = [github.comment(REPO, number, f"{n}", by="alice") for n in range(205)]
    assert [comment.id for comment in by_token.comments(REPO, number)] == made
    assert len(by_token.repository_comments(REPO, since=LONG_AGO)) == 205


def test_comments_can_be_asked_for_since_a_time(tmp_path: Path) -> None:
    now = [AT]
    with LoopbackGitHub(tmp_path / "github", clock=lambda: now[0]) as github, judged(github):
        github.repository(REPO, {"a": "1"})
        number = github.open_issue(REPO, "Fill", by="octo")
        ids = []
        for _ in range(3):
            ids.append(github.comment(REPO, number, "x", by="octo"))
            now[0] += timedelta(seconds=10)
        github.edit_comment(REPO, ids[0], "y", by="octo")
        settings = GitHubSettings(base_url=github.api, token=github.token("octo"))
        with open_github(settings) as forge:
            since = AT + timedelta(seconds=10)
            assert [c.id for c in forge.comments(REPO, number, since=since)] == ids
            found = forge.repository_comments(REPO, since=since)
            assert [c.id for c in found] == [ids[1], ids[2], ids[0]]
            late = forge.repository_comments(REPO, since=since + timedelta(seconds=11))
            assert [(c.id, c.updated_at) for c in late] == [(ids[0], AT + timedelta(seconds=30))]


def test_a_comment_that_is_too_long_is_invalid(github: LoopbackGitHub, by_token: Forge) -> None:
    number = github.open_issue(REPO, "Fill", by="alice")
    with pytest.raises(Invalid, match="too long"):
        by_token.create_comment(REPO, number, "x" * 65_537)


def test_comments_on_lines_are_read_and_answered(github: LoopbackGitHub, forge: Forge) -> None:
    number = github.open_pull(REPO, by="alice", head="add", files={"calc.py": "1\n2\n"})
    asked = github.review_comment(REPO, number, "/supercharge", by="alice", path="calc.py", line=2)
    found = forge.review_comment(REPO, asked)
    assert found is not None
    assert (found.pull, found.path, found.line) == (number, "calc.py", 2)
    assert found.commit == forge.pull_request(REPO, number).head.sha
    answer = forge.reply(REPO, number, asked, "On it.")
    assert (answer.in_reply_to, answer.author) == (asked, forge.me())
    assert forge.repository_review_comments(REPO, since=LONG_AGO) == (found, answer)
    assert forge.review_comment(REPO, 999_999) is None


@pytest.mark.parametrize("reaction", list(Reaction))
def test_a_reaction_is_put_once(
    github: LoopbackGitHub, by_token: Forge, reaction: Reaction
) -> None:
    number = github.open_issue(REPO, "Fill", by="alice")
    comment = github.comment(REPO, number, "/supercharge", by="alice")
    for _ in range(2):
        by_token.react(REPO, Target(TargetKind.ISSUE_COMMENT, comment), reaction)
    assert github.reactions(REPO, comment) == [reaction.value]


def test_issues_and_comments_on_lines_take_reactions_too(
    github: LoopbackGitHub, forge: Forge
) -> None:
    number = github.open_pull(REPO, by="alice", head="add", files={"calc.py": "1\n"})
    on_line = github.review_comment(REPO, number, "hm", by="alice", path="calc.py", line=1)
    forge.react(REPO, Target(TargetKind.ISSUE, number), Reaction.EYES)
    forge.react(REPO, Target(TargetKind.REVIEW_COMMENT, on_line), Reaction.ROCKET)
    assert [r.content for r in github.issue(REPO, number).reactions] == ["eyes"]
    assert github.reactions(REPO, on_line) == ["rocket"]


# -- pull requests ---------------------------------------------------------------------------------


def test_a_pull_request_is_read_whole(github: LoopbackGitHub, forge: Forge) -> None:
    number = github.open_pull(
        REPO, "Add", "Body.", by="alice", head="f/add", files={"calc.py": "1\n"}, draft=True
    )
    pull = forge.pull_request(REPO, number)
    assert pull.author is not None
    assert (pull.number, pull.title, pull.body) == (number, "Add", "Body.")
    assert (pull.author.login, pull.state, pull.draft) == ("alice", State.OPEN, True)
    assert (pull.head.repository, pull.head.ref) == (REPO, "f/add")
    assert pull.head.sha == forge.branch_sha(REPO, "f/add")
    assert (pull.base.repository, pull.base.ref) == (REPO, "main")
    assert not pull.from_fork
    assert pull.url == f"{github.url}/{REPO}/pull/{number}"


def test_a_pull_request_from_a_fork_is_told_apart(github: LoopbackGitHub, forge: Forge) -> None:
    fork = github.fork(REPO, "alice").full_name
    number = github.open_pull(REPO, by="alice", head="f", files={"f.py": "1\n"}, from_fork=fork)
    assert forge.pull_request(REPO, number).from_fork


def test_a_pull_request_whose_fork_is_gone_is_from_a_fork(
    github: LoopbackGitHub, by_token: Forge
) -> None:
    fork = github.fork(REPO, "alice").full_name
    number = github.open_pull(REPO, by="alice", head="f", files={"f.py": "1\n"}, from_fork=fork)
    github.observe()  # GitHub describes the head's repository as one that is always there.
    github.delete_fork(fork)
    pull = by_token.pull_request(REPO, number)
    assert (pull.from_fork, pull.head.repository) == (True, None)


def test_the_changed_files_come_with_their_patches(github: LoopbackGitHub, by_token: Forge) -> None:
    text = "".join(f"line {n}\n" for n in range(30))
    github.push(REPO, "main", {"old.py": text, "gone.py": "gone\n" * 9}, by="alice")
    number = github.open_pull(
        REPO, by="alice", head="f",
        files={"old.py": None, "new.py": text + "x\n", "gone.py": None, "b.bin": b"\0", "n.py": "1\n",
               "calc.py": CALC + "# end"},
    )  # fmt: skip
    found = {file.path: file for file in by_token.changed_files(REPO, number)}
    assert {path: file.status for path, file in found.items()} == {
        "b.bin": FileStatus.ADDED,
        "calc.py": FileStatus.MODIFIED,
        "gone.py": FileStatus.REMOVED,
        "n.py": FileStatus.ADDED,
        "new.py": FileStatus.RENAMED,
    }
    assert found["new.py"].previous_path == "old.py"
    assert found["n.py"].patch == "@@ -0,0 +1 @@\n+1"
    assert found["calc.py"].patch == (
        "@@ -1,2 +1,3 @@\n def add(a, b):\n     ...\n+# end\n\\ No newline at end of file"
    )
    assert found["b.bin"].patch is None


def test_given_more_files_than_a_page_holds_then_all_are_listed(
    github: LoopbackGitHub, by_token: Forge
) -> None:
    files = {f"many/{n:03}.bin": b"\0" for n in range(101)}
    number = github.open_pull(REPO, by="alice", head="f", files=files)
    assert [file.path for file in by_token.changed_files(REPO, number)] == sorted(files)


def test_a_pull_request_is_opened_once(github: LoopbackGitHub, forge: Forge) -> None:
    new = new_commit(forge)
    forge.commit(REPO, new)
    wanted = {"title": "Fill add", "body": "Evidence.", "head": new.branch, "base": "main"}
    opened = forge.open_pull_request(REPO, **wanted)
    assert (opened.title, opened.body, opened.draft) == ("Fill add", "Evidence.", True)
    assert opened.author == forge.me()
    assert forge.open_pull_request(REPO, **wanted).number == opened.number
    assert len(github.pulls(REPO)) == 1


@pytest.mark.parametrize("behind", [0, 1, 2])
def test_given_the_answer_was_lost_then_the_pull_request_is_found(
    github: LoopbackGitHub, forge: Forge, behind: int
) -> None:
    new = new_commit(forge)
    forge.commit(REPO, new)
    wanted = {"title": "Fill add", "body": "", "head": new.branch, "base": "main"}
    github.faults.lists_behind = behind
    github.faults.plan(FaultKind.LOST_ANSWER, method="POST", path="/pulls$")
    with pytest.raises(Unavailable):
        forge.open_pull_request(REPO, **wanted)
    if behind == 2:
        # It is there, and no list shows it yet: neither a second one nor an error for good.
        with pytest.raises(Unavailable, match="not listed yet"):
            forge.open_pull_request(REPO, **wanted)
    assert forge.open_pull_request(REPO, **wanted).number == github.pulls(REPO)[0].number
    assert len(github.pulls(REPO)) == 1


def test_given_a_plan_without_drafts_then_it_is_an_ordinary_one(
    github: LoopbackGitHub, forge: Forge
) -> None:
    github.world.repositories[REPO].has_drafts = False
    new = new_commit(forge)
    forge.commit(REPO, new)
    assert not forge.open_pull_request(REPO, title="T", body="", head=new.branch, base="main").draft


def test_given_nothing_to_merge_then_it_is_invalid(github: LoopbackGitHub, forge: Forge) -> None:
    github.push(REPO, "f", {"calc.py": CALC}, by="alice", start="main")
    with pytest.raises(Invalid):
        forge.open_pull_request(REPO, title="T", body="", head="none", base="main")


def test_a_pull_request_is_found_by_its_branch(github: LoopbackGitHub, forge: Forge) -> None:
    assert forge.find_pull_request(REPO, "f") is None
    first = github.open_pull(REPO, by="alice", head="f", files={"calc.py": "1\n"})
    github.close_issue(REPO, first, by="alice")
    assert forge.find_pull_request(REPO, "f") is None
    closed = forge.find_pull_request(REPO, "f", only_open=False)
    assert closed is not None
    assert (closed.number, closed.state) == (first, State.CLOSED)
    second = github.open_pull(REPO, by="alice", head="f")
    assert getattr(forge.find_pull_request(REPO, "f"), "number", None) == second


def test_a_merged_pull_request_is_merged(github: LoopbackGitHub, by_token: Forge) -> None:
    number = github.open_pull(REPO, by="alice", head="f", files={"f.py": "1\n"})
    github.push(REPO, "main", {"g.py": "1\n"}, by="alice")
    github.merge(REPO, number, by="alice")
    assert by_token.pull_request(REPO, number).state is State.MERGED
    assert by_token.issue(REPO, number).state is State.CLOSED
    assert {"f.py", "g.py"} <= set(by_token.list_paths(REPO, "main"))


def test_title_and_body_are_replaced_alone_or_together(
    github: LoopbackGitHub, by_token: Forge
) -> None:
    number = github.open_pull(REPO, "Old", "Old.", by="alice", head="f", files={"calc.py": "1\n"})
    changed = by_token.update_pull_request(REPO, number, body="New.")
    assert (changed.title, changed.body) == ("Old", "New.")
    changed = by_token.update_pull_request(REPO, number, title="New")
    assert (changed.title, changed.body) == ("New", "New.")


# -- check runs and deliveries -----------------------------------------------------------------------


def test_an_app_shows_check_runs_and_a_token_quietly_does_not(
    github: LoopbackGitHub, forge: Forge, kind: str
) -> None:
    sha = forge.branch_sha(REPO, "main")
    assert sha is not None
    running = CheckReport("supercharge", CheckStatus.IN_PROGRESS, "Running", "12 codes", None, "r1")
    made = forge.create_check_run(REPO, sha, running)
    if kind == "token":
        assert made is None
        forge.update_check_run(REPO, 1, running)
        assert github.check_runs(REPO) == []
        return
    assert made is not None
    [run] = github.check_runs(REPO)
    assert (run.id, run.status, run.title, run.external_id) == (
        made,
        "in_progress",
        "Running",
        "r1",
    )
    ended = CheckReport(
        "supercharge", CheckStatus.COMPLETED, "Done", "x" * 70_000, CheckConclusion.NEUTRAL
    )
    forge.update_check_run(REPO, made, ended)
    assert (run.status, run.conclusion, len(run.summary or "")) == ("completed", "neutral", 65_535)


def test_given_an_app_without_checks_then_there_is_no_check_run(
    github: LoopbackGitHub, opened: Opens
) -> None:
    forge = opened("app")
    [installation] = github.world.installations.values()
    del installation.permissions["checks"]
    sha = forge.branch_sha(REPO, "main")
    report = CheckReport("supercharge", CheckStatus.QUEUED, "t", "s")
    assert sha is not None
    assert forge.create_check_run(REPO, sha, report) is None


def test_only_an_app_has_deliveries(github: LoopbackGitHub, opened: Opens) -> None:
    forge = opened("token")
    assert forge.deliveries(LONG_AGO) == ()
    with pytest.raises(Forbidden):
        forge.redeliver(1)


# -- all of it, on a bad day ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_given_requests_fail_at_random_then_repeating_them_does_everything_once(
    tmp_path: Path, seed: int
) -> None:
    with LoopbackGitHub(tmp_path / "github", seed=seed) as github, judged(github):
        github.repository(REPO, {"calc.py": CALC})
        number = github.open_issue(REPO, "Fill", by="octo")
        settings = GitHubSettings(base_url=github.api, token=github.token("octo"), retries=0)
        with open_github(settings) as forge:
            new = new_commit(forge)
            github.faults.server_error_rate = 0.12
            github.faults.lists_behind = 1
            for path in ("/git/refs$", "/git/commits$", "/pulls$", "/reactions$", "/labels$"):
                github.faults.plan(FaultKind.LOST_ANSWER, method="POST", path=path)
            tries = 0
            while tries < 200:
                tries += 1
                with contextlib.suppress(Unavailable):
                    forge.react(REPO, Target(TargetKind.ISSUE, number), Reaction.EYES)
                    forge.add_labels(REPO, number, ("supercharge:running",))
                    sha = forge.commit(REPO, new)
                    wanted = {"title": "Fill add", "body": "", "head": new.branch, "base": "main"}
                    pull = forge.open_pull_request(REPO, **wanted)
                    break
        assert 1 < tries < 200
        assert [issue.number for issue in github.pulls(REPO)] == [pull.number]
        assert pull.head.sha == sha
        assert github.world.repositories[REPO].git.commits("main", new.branch) == 1
        issue = github.issue(REPO, number)
        assert [reacted.content for reacted in issue.reactions] == ["eyes"]
        assert [label.name for label in issue.labels] == ["supercharge:running"]
