"""Pull requests, check runs and git objects in the form of GitHub's JSON."""

from __future__ import annotations

from typing import Any

from bot.forge.fake.accountshapes import maybe_stamp, node_id, stamp
from bot.forge.fake.gitobjects import Commit, Difference, Person
from bot.forge.fake.shapes import Shapes
from bot.forge.fake.world import CheckRun, Issue, Pull, Repo, Review

Json = dict[str, Any]

_STATUSES = {
    "A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed",
}  # fmt: skip


def simple_pull(shapes: Shapes, repo: Repo, issue: Issue, pull: Pull) -> Json:
    """A pull request as lists and reviews show it."""
    url, page = (
        f"{shapes.api}/repos/{repo.full_name}/pulls/{issue.number}",
        shapes.page(repo, issue),
    )
    issue_url = f"{shapes.api}/repos/{repo.full_name}/issues/{issue.number}"
    urls = {
        "issue": issue_url,
        "commits": f"{url}/commits",
        "review_comments": f"{url}/comments",
        "review_comment": f"{shapes.api}/repos/{repo.full_name}/pulls/comments{{/number}}",
        "comments": f"{issue_url}/comments",
        "statuses": f"{shapes.api}/repos/{repo.full_name}/statuses/{pull.head_sha}",
    }
    links = {"self": url, "html": page, **urls}
    return {
        "url": url,
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **{f"{name}_url": href for name, href in urls.items()},
        "number": issue.number,
        "state": "open" if issue.closed_at is None else "closed",
        "locked": False,
        "title": issue.title,
        "user": shapes.user(issue.user),
        "body": issue.body or None,
        "created_at": stamp(issue.created_at),
        "updated_at": stamp(issue.updated_at),
        "closed_at": maybe_stamp(issue.closed_at),
        "merged_at": maybe_stamp(pull.merged_at),
        "merge_commit_sha": None,
        **dict.fromkeys(("assignee", "milestone", "auto_merge", "active_lock_reason")),
        **{name: [] for name in ("assignees", "requested_reviewers", "requested_teams")},
        "labels": [shapes.label(repo, label) for label in issue.labels],
        "draft": pull.draft,
        "head": _side(shapes, pull.head_repo, pull.head_ref, pull.head_sha, issue),
        "base": _side(shapes, repo, pull.base_ref, pull.base_sha, issue),
        "_links": {name: {"href": href} for name, href in links.items()},
        "author_association": shapes.association(repo, issue.user),
    }


def full_pull(shapes: Shapes, repo: Repo, issue: Issue, pull: Pull) -> Json:
    """A pull request as it is asked for by number."""
    changed = repo.git.differences(pull.base_sha, pull.head_sha)
    return {
        **simple_pull(shapes, repo, issue, pull),
        "merged": pull.merged_at is not None,
        "mergeable": None,
        "rebaseable": None,
        "mergeable_state": "unknown",
        "merged_by": None,
        "comments": sum(comment.issue is issue for comment in repo.comments.values()),
        "review_comments": sum(c.issue is issue for c in repo.review_comments.values()),
        "maintainer_can_modify": False,
        "commits": repo.git.commits(pull.base_sha, pull.head_sha),
        "additions": sum(difference.additions for difference in changed),
        "deletions": sum(difference.deletions for difference in changed),
        "changed_files": len(changed),
    }


def _side(shapes: Shapes, repo: Repo | None, ref: str, sha: str, issue: Issue) -> Json:
    owner = issue.user if repo is None else repo.owner
    return {
        "label": f"{owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": shapes.user(owner),
        "repo": None if repo is None else shapes.repository(repo),
    }


def review_shape(shapes: Shapes, repo: Repo, issue: Issue, made: Review) -> Json:
    """A review as a list of them shows it."""
    page = f"{shapes.page(repo, issue)}#pullrequestreview-{made.id}"
    pull_url = f"{shapes.api}/repos/{repo.full_name}/pulls/{issue.number}"
    return {
        "id": made.id,
        "node_id": node_id("PullRequestReview", made.id),
        "user": shapes.user(made.user),
        "body": made.body,
        "commit_id": made.commit,
        "submitted_at": stamp(made.submitted_at),
        "state": made.state.upper(),
        "html_url": page,
        "pull_request_url": pull_url,
        "author_association": shapes.association(repo, made.user),
        "_links": {"html": {"href": page}, "pull_request": {"href": pull_url}},
    }


def changed_file(shapes: Shapes, repo: Repo, sha: str, difference: Difference) -> Json:
    where = f"{shapes.web}/{repo.full_name}"
    patch = {"patch": difference.patch} if difference.patch else {}
    before = difference.previous_path
    return {
        "sha": difference.sha,
        "filename": difference.path,
        "status": _STATUSES.get(difference.status, "changed"),
        "additions": difference.additions,
        "deletions": difference.deletions,
        "changes": difference.additions + difference.deletions,
        "blob_url": f"{where}/blob/{sha}/{difference.path}",
        "raw_url": f"{where}/raw/{sha}/{difference.path}",
        "contents_url": f"{shapes.api}/repos/{repo.full_name}/contents/{difference.path}?ref={sha}",
        **patch,
        **({} if before is None else {"previous_filename": before}),
    }


def git_commit(shapes: Shapes, repo: Repo, commit: Commit) -> Json:
    """A commit as the git data API shows it."""
    url = f"{shapes.api}/repos/{repo.full_name}/git"
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", repo.id),
        "url": f"{url}/commits/{commit.sha}",
        "html_url": _commit_page(shapes, repo, commit.sha),
        "author": _person(commit.author),
        "committer": _person(commit.committer),
        "message": commit.message,
        "tree": {"sha": commit.tree, "url": f"{url}/trees/{commit.tree}"},
        "parents": [
            {
                "sha": sha,
                "url": f"{url}/commits/{sha}",
                "html_url": _commit_page(shapes, repo, sha),
            }
            for sha in commit.parents
        ],
        "verification": {
            "verified": False,
            "reason": "unsigned",
            **dict.fromkeys(("signature", "payload", "verified_at")),
        },
    }


def full_commit(shapes: Shapes, repo: Repo, commit: Commit) -> Json:
    """A commit as the commits API shows it."""
    found = git_commit(shapes, repo, commit)
    url = f"{shapes.api}/repos/{repo.full_name}/commits/{commit.sha}"
    inner = ("author", "committer", "message", "tree", "verification")
    return {
        "sha": commit.sha,
        "node_id": found["node_id"],
        "commit": {
            **{name: found[name] for name in inner},
            "url": found["url"],
            "comment_count": 0,
        },
        "url": url,
        "html_url": found["html_url"],
        "comments_url": f"{url}/comments",
        "author": None,
        "committer": None,
        "parents": found["parents"],
    }


def check_run(shapes: Shapes, repo: Repo, run: CheckRun) -> Json:
    page = f"{shapes.web}/{repo.full_name}/runs/{run.id}"
    url = f"{shapes.api}/repos/{repo.full_name}/check-runs/{run.id}"
    return {
        "id": run.id,
        "name": run.name,
        "node_id": node_id("CheckRun", run.id),
        "head_sha": run.head_sha,
        "external_id": run.external_id,
        "url": url,
        "html_url": page,
        "details_url": page,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": stamp(run.started_at),
        "completed_at": maybe_stamp(run.completed_at),
        "output": {
            "title": run.title,
            "summary": run.summary,
            "text": None,
            "annotations_count": 0,
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": run.id},
        "app": shapes.app(run.app),
        "pull_requests": [],
    }


def _commit_page(shapes: Shapes, repo: Repo, sha: str) -> str:
    return f"{shapes.web}/{repo.full_name}/commit/{sha}"


def _person(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "date": stamp(person.at)}
