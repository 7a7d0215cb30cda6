"""Plain pages for people: what an issue or a pull request holds, and its diff."""

from __future__ import annotations

import html
import re

from bot.forge.fake.problems import not_found
from bot.forge.fake.world import Issue, Repo, World

_PATH = re.compile(r"/([^/]+/[^/]+)(?:/(?:pull|issues)/([0-9]{1,9}))?/?")
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#f6f8fa;padding:1rem;overflow:auto;white-space:pre-wrap}"
    "article{border:1px solid #d0d7de;border-radius:6px;padding:0 1rem;margin:1rem 0}"
)


def page(world: World, path: str) -> str:
    """The page at a path. Raises Problem 404; what is private is not shown."""
    match = _PATH.fullmatch(path)
    repo = None if match is None else world.repo(match[1])
    if match is None or repo is None or repo.private:
        raise not_found()
    if match[2] is None:
        return _document(repo.full_name, _list(repo))
    issue = repo.issues.get(int(match[2]))
    if issue is None:
        raise not_found()
    return _document(f"{issue.title} #{issue.number}", _issue(repo, issue))


def _list(repo: Repo) -> str:
    kinds = {number: "issues" if i.pull is None else "pull" for number, i in repo.issues.items()}
    return "".join(
        f'<p><a href="/{_text(repo.full_name)}/{kinds[number]}/{number}">#{number} '
        f"{_text(issue.title)}</a></p>"
        for number, issue in repo.issues.items()
    )


def _issue(repo: Repo, issue: Issue) -> str:
    pull, parts = issue.pull, []
    state = "closed" if issue.closed_at else "draft" if pull is not None and pull.draft else "open"
    labels = ", ".join(label.name for label in issue.labels)
    line = f"{state} · by {issue.user.login}" + (f" · {labels}" if labels else "")
    if pull is not None:
        line += f" · {pull.head_ref} into {pull.base_ref}"
    parts.append(f"<p>{_text(line)}</p><pre>{_text(issue.body)}</pre>")
    if pull is not None:
        parts.append("<h2>Changes</h2>")
        for difference in repo.git.differences(pull.base_sha, pull.head_sha):
            parts.append(f"<h3>{_text(difference.path)}</h3><pre>{_text(difference.patch)}</pre>")
    parts.append("<h2>Comments</h2>")
    for comment in repo.comments.values():
        if comment.issue is issue:
            who, body = _text(comment.user.login), _text(comment.body)
            parts.append(f"<article><p>{who}</p><pre>{body}</pre></article>")
    return "".join(parts)


def _document(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(title)}</title>'
        f"<style>{_STYLE}</style><h1>{_text(title)}</h1>{body}</html>"
    )


def _text(text: str) -> str:
    return html.escape(text)
