"""What people do on the loopback GitHub, with the events that follow. The routes and the Python API
use it.

The caller holds `world.lock` and has checked whether `by` may.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.forge.fake.events import Events, pull_of
from bot.forge.fake.faults import Faults
from bot.forge.fake.gitobjects import Person
from bot.forge.fake.problems import Problem, invalid
from bot.forge.fake.pullshapes import review_shape, simple_pull
from bot.forge.fake.shapes import Shapes
from bot.forge.fake.world import (
    Comment,
    Issue,
    Label,
    Labelled,
    Pull,
    Reacted,
    Repo,
    Review,
    ReviewComment,
    User,
    World,
)

MAX_BODY = 65_536
"""Characters that GitHub takes in a body."""
_REACTIONS = frozenset({"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"})


@dataclass(frozen=True, slots=True)
class Actions:
    """Changes the world and tells the webhooks."""

    world: World
    shapes: Shapes
    events: Events
    faults: Faults

    # -- issues ----------------------------------------------------------------------------------

    def open_issue(
        self, repo: Repo, by: User, title: str, body: str = "", labels: Iterable[str] = ()
    ) -> Issue:
        issue = self._new_issue(repo, by, title, body)
        self.events.emit("issues", "opened", repo, by, {"issue": self.shapes.issue(repo, issue)})
        self.add_labels(repo, issue, labels, by)
        return issue

    def edit_issue(
        self, repo: Repo, issue: Issue, by: User, *, title: str | None = None,
        body: str | None = None, state: str | None = None,
    ) -> None:  # fmt: skip
        """Changes what is given, of an issue or a pull request."""
        _check_body("Issue", body)
        issue.title = issue.title if title is None else title
        issue.body = issue.body if body is None else body
        issue.updated_at = self.world.now()
        if title is not None or body is not None:
            self.events.issue("edited", repo, issue, by, {"changes": {}})
        if state is not None and (state == "closed") != (issue.closed_at is not None):
            issue.closed_at = issue.updated_at if state == "closed" else None
            self.events.issue("closed" if state == "closed" else "reopened", repo, issue, by, {})

    def add_labels(self, repo: Repo, issue: Issue, names: Iterable[str], by: User) -> None:
        for name in names:
            label = self.label(repo, name)
            if label not in issue.labels:
                issue.labels.append(label)
                self._labelled(issue, label, by, put_on=True)
                self.events.label("labeled", repo, issue, label, by)

    def remove_label(self, repo: Repo, issue: Issue, name: str, by: User) -> None:
        label = next((la for la in issue.labels if la.name.lower() == name.lower()), None)
        if label is None:
            raise Problem(404, "Label does not exist")
        issue.labels.remove(label)
        self._labelled(issue, label, by, put_on=False)
        self.events.label("unlabeled", repo, issue, label, by)

    def label(self, repo: Repo, name: str) -> Label:
        """The repository's label of that name, made if there is none."""
        return repo.labels.setdefault(name.lower(), Label(self.world.next_id(), name))

    # -- comments and reactions -------------------------------------------------------------------

    def comment(self, repo: Repo, issue: Issue, by: User, body: str) -> Comment:
        _check_body("IssueComment", body, required=True)
        now = self.world.now()
        comment = Comment(self.world.next_id(), issue, by, body, now, now)
        comment.unseen = self.faults.lists_behind
        repo.comments[comment.id] = comment
        issue.updated_at = now
        self.events.comment("created", repo, comment, by, {})
        return comment

    def edit_comment(self, repo: Repo, comment: Comment, by: User, body: str) -> None:
        _check_body("IssueComment", body, required=True)
        before, comment.body, comment.updated_at = comment.body, body, self.world.now()
        self.events.comment("edited", repo, comment, by, {"changes": {"body": {"from": before}}})

    def delete_comment(self, repo: Repo, comment: Comment, by: User) -> None:
        del repo.comments[comment.id]
        self.events.comment("deleted", repo, comment, by, {})

    def review_comment(
        self, repo: Repo, issue: Issue, by: User, body: str, *, path: str, line: int | None,
        side: str = "RIGHT", reply_to: int | None = None,
    ) -> ReviewComment:  # fmt: skip
        _check_body("PullRequestReviewComment", body, required=True)
        pull, now = pull_of(issue), self.world.now()
        changed = repo.git.differences(pull.base_sha, pull.head_sha)
        hunk = next((d.patch for d in changed if d.path == path), None)
        if hunk is None:
            raise invalid("PullRequestReviewComment", "path", "invalid")
        comment = ReviewComment(
            self.world.next_id(), issue, by, body, path, line, side, pull.head_sha, hunk, now, now,
            reply_to=reply_to, unseen=self.faults.lists_behind,
        )  # fmt: skip
        repo.review_comments[comment.id] = comment
        payload = {
            "comment": self.shapes.review_comment(repo, comment),
            "pull_request": simple_pull(self.shapes, repo, issue, pull),
        }
        self.events.emit("pull_request_review_comment", "created", repo, by, payload)
        return comment

    def react(self, reactions: list[Reacted], by: User, content: object) -> tuple[Reacted, bool]:
        """The reaction, and whether it is new."""
        if content not in _REACTIONS:
            raise invalid("Reaction", "content", "invalid")
        known = (r for r in reactions if r.user is by and r.content == content)
        if (found := next(known, None)) is not None:
            return found, False
        reacted = Reacted(self.world.next_id(), by, str(content), self.world.now())
        reactions.append(reacted)
        return reacted, True

    # -- pull requests ----------------------------------------------------------------------------

    def open_pull(
        self, repo: Repo, by: User, *, title: str, body: str, head_repo: Repo, head: str, base: str,
        draft: bool,
    ) -> Issue:  # fmt: skip
        _check_body("PullRequest", body)
        base_sha, head_sha = repo.git.branch(base), head_repo.git.branch(head)
        if base_sha is None:
            raise invalid("PullRequest", "base", "invalid")
        if head_sha is None:
            raise invalid("PullRequest", "head", "invalid")
        if draft and not repo.has_drafts:
            raise Problem(422, "Draft pull requests are not supported in this repository.")
        for _, pull in open_pulls(repo):
            if (pull.head_repo, pull.head_ref, pull.base_ref) == (head_repo, head, base):
                where = f"{head_repo.owner.login}:{head}"
                words = f"A pull request already exists for {where}."
                raise invalid("PullRequest", "head", "custom", words)
        if head_repo is not repo:
            repo.git.take(head_repo.git, head_sha)
        if not repo.git.commits(base_sha, head_sha):
            words = f"No commits between {base} and {head}"
            raise invalid("PullRequest", "head", "custom", words)
        issue = self._new_issue(repo, by, title, body)
        issue.pull = Pull(self.world.next_id(), head_repo, head, head_sha, base, base_sha, draft)
        repo.git.set_ref(f"refs/pull/{issue.number}/head", head_sha)
        self.events.pull("opened", repo, issue, by, {})
        return issue

    def merge(self, repo: Repo, issue: Issue, by: User) -> None:
        """Merges an open pull request with a merge commit."""
        pull, git = pull_of(issue), repo.git
        base = git.branch(pull.base_ref)
        if issue.closed_at is not None or base is None:
            raise Problem(405, "Pull Request is not mergeable")
        person = Person(by.login, f"{by.login}@users.noreply.github.com", self.world.now())
        tree, message = git.merged_tree(base, pull.head_sha), f"Merge #{issue.number}"
        sha = git.write_commit(tree, [base, pull.head_sha], message, person, person)
        git.set_ref(f"refs/heads/{pull.base_ref}", sha, base)
        pull.merged_at = self.world.now()
        self.edit_issue(repo, issue, by, state="closed")
        self.pushed(repo, by)

    def review(
        self, repo: Repo, issue: Issue, by: User, body: str, state: str = "changes_requested"
    ) -> int:
        """Reviews a pull request; the review's id."""
        pull, now = pull_of(issue), self.world.now()
        made = Review(self.world.next_id(), by, body, state, pull.head_sha, now)
        pull.reviews.append(made)
        issue.updated_at = now
        payload = {
            # A webhook says None for words that an answer of the API gives as empty.
            "review": {
                **review_shape(self.shapes, repo, issue, made),
                "body": body or None,
                "state": state,
            },
            "pull_request": simple_pull(self.shapes, repo, issue, pull),
        }
        self.events.emit("pull_request_review", "submitted", repo, by, payload)
        return made.id

    def pushed(self, repo: Repo, by: User) -> None:
        """Brings the open pull requests up to what the branches of `repo` are now at."""
        now = repo.git.branches()
        for base in self.world.repositories.values():
            for issue, pull in open_pulls(base):
                sha = now.get(pull.head_ref)
                if pull.head_repo is not repo or sha == pull.head_sha:
                    continue
                if sha is None:
                    self.edit_issue(base, issue, by, state="closed")
                    continue
                if base is not repo:
                    base.git.take(repo.git, sha)
                before, pull.head_sha = pull.head_sha, sha
                issue.updated_at = self.world.now()
                base.git.set_ref(f"refs/pull/{issue.number}/head", sha)
                change = {"before": before, "after": sha}
                self.events.pull("synchronize", base, issue, by, change)

    # -- helpers -------------------------------------------------------------------------------------

    def _labelled(self, issue: Issue, label: Label, by: User, *, put_on: bool) -> None:
        issue.updated_at = self.world.now()
        issue.labelled.append(Labelled(self.world.next_id(), label, by, issue.updated_at, put_on))

    def _new_issue(self, repo: Repo, by: User, title: str, body: str) -> Issue:
        _check_body("Issue", body)
        if not title.strip():
            raise invalid("Issue", "title", "missing_field")
        now, number = self.world.now(), max(repo.issues, default=0) + 1
        issue = Issue(self.world.next_id(), number, title, body, by, now, now)
        issue.unseen = self.faults.lists_behind
        repo.issues[number] = issue
        return issue


def open_pulls(repo: Repo) -> list[tuple[Issue, Pull]]:
    """The open pull requests of a repository."""
    issues = [issue for issue in repo.issues.values() if issue.closed_at is None]
    return [(issue, issue.pull) for issue in issues if issue.pull is not None]


def _check_body(resource: str, body: str | None, *, required: bool = False) -> None:
    if required and not (body or "").strip():
        raise invalid(resource, "body", "missing_field", "Body cannot be blank")
    if len(body or "") > MAX_BODY:
        words = f"body is too long (maximum is {MAX_BODY} characters)"
        raise invalid(resource, "body", "custom", words)
