"""From a command that is allowed to requests that are stored: who may ask, how much, for what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot import refusals
from bot.commands import SearchOptions
from bot.forge.base import ForgeError, Permission, Unavailable
from bot.refusal import Refusal
from bot.refusals import CONFIG_PATH
from bot.repoconfig import Problem, RepoConfig, parse_config
from bot.requests import Options, Request, Subject, Trigger, new_id
from bot.services import Services
from bot.store.queries import RequestFilter
from bot.targets import Targets
from webhooks.events import Account, RepositoryEvent

DAY = timedelta(days=1)


class BadConfig(Refusal):
    """The repository's configuration has mistakes: `problems`."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{CONFIG_PATH} has mistakes")
        self.problems = problems


def repository_config(services: Services, repository: str) -> RepoConfig:
    """What the default branch's configuration says; never a pull request's, which anybody may write.

    Raises BadConfig.
    """
    branch = services.forge.repository(repository).default_branch
    file = services.forge.read_file(repository, CONFIG_PATH, branch)
    if file is None:
        return RepoConfig()
    read = parse_config(file.content.decode("utf-8", "replace"))
    if isinstance(read, RepoConfig):
        return read
    raise BadConfig(read)


def check_may_ask(
    services: Services, repository: str, login: str, config: RepoConfig, *, is_bot: bool = False
) -> None:
    """Raise Refusal unless `login` may ask here, as of now; an unclear answer is a no.

    Raises Unavailable where GitHub cannot be asked: then nothing is done until it can.
    """
    if is_bot and login not in services.settings.limits.allow_bots:
        raise Refusal(f"{login} is a bot that may not ask", silent=True)
    if not config.enabled:
        raise Refusal(refusals.disabled(), stranger=True)
    lowered = login.lower()
    if lowered in (name.lower() for name in config.deny_users):
        raise Refusal(refusals.not_among_users(), stranger=True)
    needed = Permission.of(config.permission.value)
    if _permission(services, repository, login) < needed:
        raise Refusal(refusals.no_permission(config.permission), stranger=True)
    if config.allow_users and lowered not in (name.lower() for name in config.allow_users):
        raise Refusal(refusals.not_among_users(), stranger=True)


def _permission(services: Services, repository: str, login: str) -> Permission:
    try:
        return services.forge.permission(repository, login)
    except Unavailable:
        raise
    except ForgeError:
        return Permission.NONE


@dataclass(frozen=True, slots=True)
class Intake:
    """Makes requests of targets, within what the repository and the server allow."""

    services: Services
    config: RepoConfig

    def take(
        self,
        event: RepositoryEvent,
        subject: Subject,
        trigger: Trigger,
        targets: Targets,
        options: SearchOptions,
        requester: Account,
    ) -> list[Request]:
        """Store a request per stub; those of them that are there already are returned as they are.

        Raises Refusal where a limit is reached; then none is stored.
        """
        now = self.services.clock()
        wanted = [
            Request(
                id=new_id(),
                repository=event.repository.full_name,
                subject=subject,
                trigger=trigger,
                requester=requester.login,
                requester_id=requester.id,
                spec=spec,
                created_at=now,
                updated_at=now,
                installation_id=event.installation_id,
                options=self._options(options),
                base_branch=targets.base.branch,
                head_sha=targets.base.sha,
                expires_at=now + timedelta(days=self.config.retry.expires_days),
            )
            for spec in targets.specs
        ]
        same = RequestFilter(repository=event.repository.full_name, subject=subject)
        if not any(known.trigger == trigger for known in self.services.store.list_requests(same)):
            self._check_limits(event.repository.full_name, requester.login, len(wanted))
        return [self.services.store.add_request(request)[0] for request in wanted]

    def _options(self, asked: SearchOptions) -> Options:
        """The command's wishes, else the repository's; time never more than the repository allows."""
        config = self.config
        minutes = [m for m in (asked.minutes, config.max_minutes) if m is not None]
        return Options(
            candidates=asked.candidates or config.candidates,
            tests=asked.tests or config.tests,
            threshold=asked.threshold or config.threshold,
            minutes=min(minutes, default=None),
            base=asked.base,
            dry_run=asked.dry_run,
        )

    def _check_limits(self, repository: str, login: str, count: int) -> None:
        store, limits = self.services.store, self.services.settings.limits
        if count > limits.stubs_per_command:
            raise Refusal(refusals.too_many_stubs(count, limits.stubs_per_command))
        since = self.services.clock() - DAY
        today = store.count_requests(
            RequestFilter(repository=repository, requester=login, since=since)
        )
        if today + count > self.config.max_requests_per_user_day:
            raise Refusal(refusals.day_limit(self.config.max_requests_per_user_day))
        ours = store.list_requests(RequestFilter(repository=repository, pull_open=True))
        opened = len({request.pull_number for request in ours})
        if opened >= self.config.max_open_prs:
            raise Refusal(refusals.too_many_open(opened))
        if store.queue_length() + count > limits.queue:
            raise Refusal(refusals.queue_full())
