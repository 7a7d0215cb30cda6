"""The words of the check run `supercharge`, for where an App may write one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot import replies
from bot.refusals import CONFIG_PATH
from bot.sanitize import neutral
from bot.statuscomment import RequestView, requests_table
from bot.yamlfile import Problem

NAME = "supercharge"

_STATES = {
    "queued": "in the queue",
    "running": "at work",
    "waiting": "waiting",
    "solved": "solved",
    "pr_opened": "solved",
    "answered": "solved",
    "exhausted": "not solved",
    "failed": "internal error",
    "cancelled": "cancelled",
    "refused": "refused",
}


@dataclass(frozen=True, slots=True)
class CheckText:
    """A check run's title, one line of plain text, and its summary in Markdown."""

    title: str
    summary: str


def check_text(views: Sequence[RequestView]) -> CheckText:
    """Where the requests of one pull request stand; there is at least one."""
    states = [_STATES[view.status.value] for view in views]
    if len(views) == 1:
        return CheckText(
            f"{neutral(views[0].qualname, limit=80)}: {states[0]}", requests_table(views)
        )
    told = [
        f"{states.count(state)} {state}"
        for state in dict.fromkeys(_STATES.values())
        if state in states
    ]
    return CheckText(f"{len(views)} stubs: {', '.join(told)}", requests_table(views))


def config_check_text(problems: Sequence[Problem]) -> CheckText:
    """A configuration that cannot be read; the conclusion is then `action_required`."""
    count = "a mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return CheckText(f"{CONFIG_PATH} has {count}", replies.config_errors(problems))
