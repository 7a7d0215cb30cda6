"""Accounts, Apps and repositories in the form of GitHub's JSON."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from bot.forge.fake.world import AccountKind, App, Installation, Repo, User
from bot.forge.values import Permission

Json = dict[str, Any]


def stamp(time: datetime) -> str:
    """A time as GitHub writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def maybe_stamp(time: datetime | None) -> str | None:
    return None if time is None else stamp(time)


def node_id(kind: str, number: int) -> str:
    return base64.b64encode(f"0{len(kind)}:{kind}{number}".encode()).decode("ascii")


class AccountShapes:
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
            "custom_properties": {},
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
