"""The check run `supercharge` on a pull request's head: the status comment, among the checks."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

from bot.checks import NAME, check_text, config_check_text
from bot.forge.base import CheckConclusion, CheckReport, CheckStatus
from bot.forge.errors import ForgeError, Unavailable
from bot.requests import Request, RequestStatus, SubjectKind
from bot.said import once
from bot.services import Services
from bot.statuscomment import RequestView
from bot.yamlfile import Problem

logger = logging.getLogger(__name__)

_CONCLUSIONS = {
    RequestStatus.FAILED: CheckConclusion.FAILURE,
    RequestStatus.EXHAUSTED: CheckConclusion.NEUTRAL,
    RequestStatus.REFUSED: CheckConclusion.NEUTRAL,
    RequestStatus.CANCELLED: CheckConclusion.CANCELLED,
    RequestStatus.PR_OPENED: CheckConclusion.SUCCESS,
    RequestStatus.ANSWERED: CheckConclusion.SUCCESS,
}
"""What an end comes to; of several requests the first of these that one has."""


def show_check(services: Services, group: Sequence[Request], views: Sequence[RequestView]) -> None:
    """Bring the check run of these requests, one command's, up to date, or make it.

    Nothing on an issue, and nothing where the credential may have none. Raises Unavailable.
    """
    first = group[0]
    if first.subject.kind is not SubjectKind.PULL or not first.head_sha:
        return
    report = _report(first, [request.status for request in group], views)

    def create() -> str:
        number = services.forge.create_check_run(first.repository, first.head_sha, report)
        return "" if number is None else str(number)

    try:
        # One that was made without our learning of it cannot be found: then there is a second.
        number = once(services, f"check {first.id}", create, lambda: None)
        if number:
            services.forge.update_check_run(first.repository, int(number), report)
    except Unavailable:
        raise
    except ForgeError as error:
        logger.warning("no check run for %s: %s", first.id, error)


def show_config_check(
    services: Services, repository: str, pull: int, problems: Sequence[Problem]
) -> None:
    """Say on a pull request's head what is wrong with the repository's configuration, once for these.

    Raises Unavailable.
    """
    text = config_check_text(problems)
    report = CheckReport(
        name=NAME,
        status=CheckStatus.COMPLETED,
        title=text.title,
        summary=text.summary,
        conclusion=CheckConclusion.ACTION_REQUIRED,
    )

    def create(sha: str) -> str:
        return str(services.forge.create_check_run(repository, sha, report) or "")

    try:
        head = services.forge.pull_request(repository, pull).head.sha
        said = hashlib.sha256(text.summary.encode()).hexdigest()[:20]
        key = f"{repository} check of the configuration at {head}: {said}"
        once(services, key, lambda: create(head), lambda: None)
    except Unavailable:
        raise
    except ForgeError as error:
        logger.warning("no check run on #%d of %s: %s", pull, repository, error)


def _report(
    first: Request, states: Sequence[RequestStatus], views: Sequence[RequestView]
) -> CheckReport:
    text = check_text(views)
    status, conclusion = CheckStatus.QUEUED, None
    if all(state.is_end for state in states):
        status = CheckStatus.COMPLETED
        conclusion = next(c for state, c in _CONCLUSIONS.items() if state in states)
    elif any(state is not RequestStatus.QUEUED for state in states):
        status = CheckStatus.IN_PROGRESS
    return CheckReport(
        name=NAME,
        status=status,
        title=text.title,
        summary=text.summary,
        conclusion=conclusion,
        external_id=first.id,
    )
