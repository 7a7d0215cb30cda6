"""The one comment that says where requests stand, and the hidden marker by which we know it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.durations import format_duration
from bot.markdown import code, prose, table
from bot.requests import RequestStatus
from engine.progress import Progress

_MARKER = re.compile(r"\A<!-- supercharge:status request=([A-Za-z0-9_.-]{1,100}) -->")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """What a reader of the comment wants to know of one request.

    `place` counts from 1, the next one to run. `retry_at` is set while it waits. `reason` is a line of
    ours that may quote others. `pull_number` is that of the pull request which was opened.
    """

    request_id: str
    path: str
    qualname: str
    status: RequestStatus
    progress: Progress | None = None
    place: int | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    reason: str = ""
    pull_number: int | None = None
    error_id: str | None = None


def status_marker(key: str) -> str:
    """The hidden line. `key` is the request's id, or that of all requests of one comment.

    Raises ValueError for a key that could end the line: ids are ours and have no such signs.
    """
    marker = f"<!-- supercharge:status request={key} -->"
    if not _MARKER.fullmatch(marker) or "--" in key:
        raise ValueError(f"{key!r} cannot be in a marker")
    return marker


def status_key(body: str) -> str | None:
    """The key of a status comment, None for any other comment.

    Anybody can write the marker: whether the comment's author is the bot is for the caller to check.
    """
    match = _MARKER.match(body)
    return match[1] if match else None


def status_comment(key: str, views: Sequence[RequestView], *, updated_at: datetime) -> str:
    """The whole comment."""
    parts = [status_marker(key), requests_table(views)]
    if not all(view.status.value in _ENDED for view in views):
        parts.append("To stop, comment `/supercharge cancel`.")
    parts.append(f"<sub>Updated {moment(updated_at)}.</sub>")
    return "\n\n".join(parts) + "\n"


def requests_table(views: Sequence[RequestView]) -> str:
    """One request with all its figures, several with a row each."""
    if len(views) == 1:
        return _single(views[0])
    shown = views[:MOST_SHOWN]
    left_out = len(views) - len(shown)
    more = f"\n\n{left_out} more are not shown." if left_out else ""
    return f"{_several(shown)}{more}"


MOST_SHOWN = 30
_ENDED = ("pr_opened", "answered", "exhausted", "failed", "cancelled", "refused")


def moment(at: datetime) -> str:
    """A time for people; theirs may be another zone, so it says which."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def standing(view: RequestView) -> str:
    """Where a request stands, in a few words of Markdown."""
    reason = f": {prose(view.reason, limit=300)}" if view.reason else ""
    match view.status.value:
        case "queued":
            return "queued" + (f", place {view.place} in the queue" if view.place else "")
        case "running":
            return "at work" + (f": {prose(view.progress.stage)}" if view.progress else "")
        case "waiting":
            until = f" until {moment(view.retry_at)}" if view.retry_at else ""
            return f"waiting{until}{reason}"
        case "solved":
            return "solved; the pull request is being opened"
        case "pr_opened":
            return "solved" + (f": #{view.pull_number}" if view.pull_number else "")
        case "answered":
            return "solved; the code is in a comment below"
        case "exhausted":
            return f"not solved{reason}"
        case "failed":
            return "internal error" + (f" {code(view.error_id)}" if view.error_id else "")
        case "cancelled":
            return f"cancelled{reason}"
        case _:
            return f"refused{reason}"


def _single(view: RequestView) -> str:
    rows = [["state", f"**{standing(view)}**"], *(list(fact) for fact in _facts(view))]
    return f"{_name(view)}\n\n{table(['request', code(view.request_id)], rows)}"


def _several(views: Sequence[RequestView]) -> str:
    rows = [[_name(view), standing(view), *_figures(view)] for view in views]
    return table(["stub", "state", "pairs passing", "best score"], rows)


def _name(view: RequestView) -> str:
    return f"{code(view.qualname, limit=120)} in {code(view.path)}"


def _best(progress: Progress) -> str:
    return "none yet" if progress.best is None else f"{progress.best:.2f}"


def _figures(view: RequestView) -> tuple[str, str]:
    p = view.progress
    return ("", "") if p is None else (f"{p.passing} of {p.pairs}", _best(p))


def _facts(view: RequestView) -> list[tuple[str, str]]:
    p = view.progress
    facts = [("attempt", str(view.attempts))] if view.attempts > 1 else []
    if p is None:
        return facts
    facts += [
        ("codes", f"{p.codes} sampled, {p.unique_codes} unique"),
        ("tests", f"{p.tests} sampled, {p.asserts} unique asserts, {p.live_asserts} live"),
        ("pairs", f"{p.pairs} run, {p.passing} passing"),
        ("best score", _best(p)),
    ]
    if view.status is RequestStatus.RUNNING:
        facts.append(("time left", f"at most {format_duration(p.seconds_left)}"))
    return facts
