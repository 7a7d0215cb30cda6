"""Issues and comments in the form of GitHub's JSON, beside accounts and repositories.

The same objects go into answers and into webhook payloads; a few fields that only one of both has
are put in or left out where they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.forge.fake.accountshapes import AccountShapes, maybe_stamp, node_id, stamp
from bot.forge.fake.world import (
    Comment,
    Issue,
    Label,
    Labelled,
    Reacted,
    Repo,
    ReviewComment,
    User,
)
from bot.forge.values import Permission

Json = dict[str, Any]

_CONTENTS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket")


class Shapes(AccountShapes):
    """Makes the JSON of everything but pull requests, which `pullshapes` has."""

    def label(self, repo: Repo, label: Label) -> Json:
        return {
            "id": label.id,
            "node_id": node_id("Label", label.id),
            "url": f"{self.api}/repos/{repo.full_name}/labels/{label.name.replace(' ', '%20')}",
            "name": label.name,
            "color": "ededed",
            "default": False,
            "description": None,
        }

    def issue(self, repo: Repo, issue: Issue) -> Json:
        url = f"{self.api}/repos/{repo.full_name}/issues/{issue.number}"
        pull = {} if issue.pull is None else {"pull_request": self._pull_links(repo, issue)}
        draft = {} if issue.pull is None else {"draft": issue.pull.draft}
        return {
            "url": url,
            "repository_url": f"{self.api}/repos/{repo.full_name}",
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "timeline_url": f"{url}/timeline",
            "html_url": self.page(repo, issue),
            "id": issue.id,
            "node_id": node_id("Issue", issue.id),
            "number": issue.number,
            "title": issue.title,
            "user": self.user(issue.user),
            "labels": [self.label(repo, label) for label in issue.labels],
            "state": "open" if issue.closed_at is None else "closed",
            "locked": False,
            **dict.fromkeys(("assignee", "milestone", "active_lock_reason", "state_reason")),
            "assignees": [],
            "comments": sum(comment.issue is issue for comment in repo.comments.values()),
            "created_at": stamp(issue.created_at),
            "updated_at": stamp(issue.updated_at),
            "closed_at": maybe_stamp(issue.closed_at),
            "author_association": self.association(repo, issue.user),
            "performed_via_github_app": None,
            "body": issue.body,
            "reactions": self.reactions(url, issue.reactions),
            **pull,
            **draft,
        }

    def labelled(self, repo: Repo, event: Labelled) -> Json:
        """An event of an issue."""
        return {
            "id": event.id,
            "node_id": node_id("LabeledEvent", event.id),
            "url": f"{self.api}/repos/{repo.full_name}/issues/events/{event.id}",
            "actor": self.user(event.user),
            "event": "labeled" if event.put_on else "unlabeled",
            **dict.fromkeys(("commit_id", "commit_url", "performed_via_github_app")),
            "created_at": stamp(event.at),
            "label": {"name": event.label.name, "color": "ededed"},
        }

    def comment(self, repo: Repo, comment: Comment) -> Json:
        base = f"{self.api}/repos/{repo.full_name}/issues"
        url = f"{base}/comments/{comment.id}"
        return {
            "url": url,
            "html_url": f"{self.page(repo, comment.issue)}#issuecomment-{comment.id}",
            "issue_url": f"{base}/{comment.issue.number}",
            "id": comment.id,
            "node_id": node_id("IssueComment", comment.id),
            "user": self.user(comment.user),
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "author_association": self.association(repo, comment.user),
            "performed_via_github_app": None,
            "body": comment.body,
            "reactions": self.reactions(url, comment.reactions),
        }

    def review_comment(self, repo: Repo, comment: ReviewComment) -> Json:
        base = f"{self.api}/repos/{repo.full_name}/pulls"
        url, pull_url = f"{base}/comments/{comment.id}", f"{base}/{comment.issue.number}"
        page = f"{self.page(repo, comment.issue)}#discussion_r{comment.id}"
        reply = {} if comment.reply_to is None else {"in_reply_to_id": comment.reply_to}
        return {
            "url": url,
            "pull_request_review_id": comment.id,
            "id": comment.id,
            "node_id": node_id("PullRequestReviewComment", comment.id),
            "diff_hunk": comment.diff_hunk,
            "path": comment.path,
            "position": comment.line,
            "original_position": comment.line or 1,
            "commit_id": comment.commit,
            "original_commit_id": comment.commit,
            "user": self.user(comment.user),
            "body": comment.body,
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "html_url": page,
            "pull_request_url": pull_url,
            "author_association": self.association(repo, comment.user),
            "_links": {
                "self": {"href": url},
                "html": {"href": page},
                "pull_request": {"href": pull_url},
            },
            **dict.fromkeys(("start_line", "original_start_line", "start_side")),
            "original_line": comment.line or 1,
            "line": comment.line,
            "side": comment.side,
            "subject_type": "line" if comment.line else "file",
            "reactions": self.reactions(url, comment.reactions),
            **reply,
        }

    def reaction(self, reacted: Reacted) -> Json:
        return {
            "id": reacted.id,
            "node_id": node_id("Reaction", reacted.id),
            "user": self.user(reacted.user),
            "content": reacted.content,
            "created_at": stamp(reacted.created_at),
        }

    def reactions(self, url: str, all_of_them: Iterable[Reacted]) -> Json:
        """How often each reaction was given."""
        given = [reacted.content for reacted in all_of_them]
        counts = {content: given.count(content) for content in _CONTENTS}
        return {"url": f"{url}/reactions", "total_count": len(given), **counts}

    def association(self, repo: Repo, user: User) -> str:
        if user is repo.owner:
            return "OWNER"
        role = repo.roles.get(user.login.lower(), Permission.NONE)
        return "COLLABORATOR" if role > Permission.READ else "NONE"

    def page(self, repo: Repo, issue: Issue) -> str:
        """The address of an issue's page."""
        kind = "issues" if issue.pull is None else "pull"
        return f"{self.web}/{repo.full_name}/{kind}/{issue.number}"

    def _pull_links(self, repo: Repo, issue: Issue) -> Json:
        page, pull = self.page(repo, issue), issue.pull
        return {
            "url": f"{self.api}/repos/{repo.full_name}/pulls/{issue.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": maybe_stamp(None if pull is None else pull.merged_at),
        }
