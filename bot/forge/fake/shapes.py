"""Accounts, repositories, issues and comments in the form of GitHub's JSON.

The same objects go into answers and into webhook payloads; a few fields that only one of both has
are put in or left out where they are asked for.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bot.forge.fake.world import (
    AccountKind,
    App,
    Comment,
    Installation,
    Issue,
    Label,
    Reacted,
    Repo,
    ReviewComment,
    User,
)
from bot.forge.values import Permission

Json = dict[str, Any]

_CONTENTS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket")


def stamp(time: datetime) -> str:
    """A time as GitHub writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def maybe_stamp(time: datetime | None) -> str | None:
    return None if time is None else stamp(time)


def node_id(kind: str, number: int) -> str:
    return base64.b64encode(f"0{len(kind)}:{kind}{number}".encode()).decode("ascii")


class Shapes:
    """Makes JSON; knows where the server is, since every object is full of URLs."""

    def __init__(self, web: str, api: str) -> None:
        self.web = web
        self.api = api

    # -- accounts --------------------------------------------------------------------------------

    def user(self, user: User) -> Json:
        url = f"{self.api}/users/{user.login}"
        return {
            "login": user.login,
            "id": user.id,
            "node_id": node_id("User", user.id),
            "avatar_url": f"{self.web}/avatars/{user.id}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.web}/{user.login}",
            "followers_url": f"{url}/followers",
            "following_url": f"{url}/following{{/other_user}}",
            "gists_url": f"{url}/gists{{/gist_id}}",
            "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
            "subscriptions_url": f"{url}/subscriptions",
            "organizations_url": f"{url}/orgs",
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events{{/privacy}}",
            "received_events_url": f"{url}/received_events",
            "type": user.kind.value,
            "site_admin": False,
        }

    def profile(self, user: User) -> Json:
        """An account as it is asked for by name."""
        nothing = ("name", "company", "location", "email", "hireable", "bio")
        counts = ("public_repos", "public_gists", "followers", "following")
        made = stamp(user.created_at)
        return {
            **self.user(user),
            **dict.fromkeys(nothing),
            **dict.fromkeys(counts, 0),
            "blog": "",
            "created_at": made,
            "updated_at": made,
        }

    def app(self, app: App) -> Json:
        return {
            "id": app.id,
            "slug": app.slug,
            "node_id": node_id("Integration", app.id),
            "owner": self.user(app.owner),
            "name": app.slug,
            "description": "",
            "external_url": f"{self.web}/apps/{app.slug}",
            "html_url": f"{self.web}/apps/{app.slug}",
            "created_at": stamp(app.created_at),
            "updated_at": stamp(app.created_at),
            "permissions": dict(app.permissions),
            "events": list(app.events),
        }

    def installation(self, installation: Installation) -> Json:
        app, account, url = installation.app, installation.account, f"{self.api}/app/installations"
        return {
            "id": installation.id,
            "account": self.user(account),
            "repository_selection": "selected",
            "access_tokens_url": f"{url}/{installation.id}/access_tokens",
            "repositories_url": f"{self.api}/installation/repositories",
            "html_url": f"{self.web}/settings/installations/{installation.id}",
            "app_id": app.id,
            "app_slug": app.slug,
            "target_id": account.id,
            "target_type": "User" if account.kind is AccountKind.USER else "Organization",
            "permissions": dict(installation.permissions),
            "events": list(app.events),
            "created_at": stamp(installation.created_at),
            "updated_at": stamp(installation.created_at),
            "single_file_name": None,
            "has_multiple_single_files": False,
            "single_file_paths": [],
            "suspended_by": None,
            "suspended_at": maybe_stamp(installation.suspended_at),
        }

    # -- repositories -----------------------------------------------------------------------------

    def repository(self, repo: Repo) -> Json:
        url, page = f"{self.api}/repos/{repo.full_name}", f"{self.web}/{repo.full_name}"
        made = stamp(repo.created_at)
        is_open = sum(issue.closed_at is None for issue in repo.issues.values())
        return {
            "id": repo.id,
            "node_id": node_id("Repository", repo.id),
            "name": repo.name,
            "full_name": repo.full_name,
            "private": repo.private,
            "owner": self.user(repo.owner),
            "html_url": page,
            "description": None,
            "fork": repo.fork_of is not None,
            "url": url,
            **{f"{name}_url": f"{url}/{path}" for name, path in _REPOSITORY_URLS.items()},
            "created_at": made,
            "updated_at": made,
            "pushed_at": made,
            "git_url": page.replace("http:", "git:") + ".git",
            "ssh_url": f"git@{self.web.partition('//')[2]}:{repo.full_name}.git",
            "clone_url": f"{page}.git",
            "svn_url": page,
            **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
            **dict.fromkeys(("size", "stargazers_count", "watchers_count", "watchers"), 0),
            **dict.fromkeys(("forks_count", "forks"), 0),
            "has_issues": True,
            **dict.fromkeys(("has_projects", "has_downloads", "has_wiki", "has_pages"), False),
            **dict.fromkeys(("has_discussions", "archived", "disabled", "is_template"), False),
            "open_issues_count": is_open,
            "open_issues": is_open,
            "allow_forking": True,
            "web_commit_signoff_required": False,
            "topics": [],
            "visibility": "private" if repo.private else "public",
            "default_branch": repo.default_branch,
        }

    def full_repository(self, repo: Repo, role: Permission) -> Json:
        """A repository as it is asked for by name, with what the asking one may do there."""
        parent = {} if repo.fork_of is None else {"parent": self.repository(repo.fork_of)}
        permissions = {
            "admin": role >= Permission.ADMIN,
            "maintain": role >= Permission.MAINTAIN,
            "push": role >= Permission.WRITE,
            "triage": role >= Permission.TRIAGE,
            "pull": role >= Permission.READ,
        }
        counts = {"network_count": 0, "subscribers_count": 0}
        return {**self.repository(repo), **counts, "permissions": permissions, **parent}

    # -- issues and comments ----------------------------------------------------------------------

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


_REPOSITORY_URLS = {
    "forks": "forks",
    "keys": "keys{/key_id}",
    "collaborators": "collaborators{/collaborator}",
    "teams": "teams",
    "hooks": "hooks",
    "issue_events": "issues/events{/number}",
    "events": "events",
    "assignees": "assignees{/user}",
    "branches": "branches{/branch}",
    "tags": "tags",
    "blobs": "git/blobs{/sha}",
    "git_tags": "git/tags{/sha}",
    "git_refs": "git/refs{/sha}",
    "trees": "git/trees{/sha}",
    "statuses": "statuses/{sha}",
    "languages": "languages",
    "stargazers": "stargazers",
    "contributors": "contributors",
    "subscribers": "subscribers",
    "subscription": "subscription",
    "commits": "commits{/sha}",
    "git_commits": "git/commits{/sha}",
    "comments": "comments{/number}",
    "issue_comment": "issues/comments{/number}",
    "contents": "contents/{+path}",
    "compare": "compare/{base}...{head}",
    "merges": "merges",
    "archive": "{archive_format}{/ref}",
    "downloads": "downloads",
    "issues": "issues{/number}",
    "pulls": "pulls{/number}",
    "milestones": "milestones{/number}",
    "notifications": "notifications{?since,all,participating}",
    "labels": "labels{/name}",
    "releases": "releases{/id}",
    "deployments": "deployments",
}
