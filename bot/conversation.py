"""A command, and all that the bot does about it at once: look who asks, do it, and answer.

What takes longer, a search, becomes a request that a worker takes up.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot import refusals, replies
from bot.checkboard import show_config_check
from bot.commands import (
    Cancel,
    Command,
    CommandError,
    Explain,
    Generate,
    Help,
    Improve,
    Retry,
    Score,
    ShowConfig,
    Status,
)
from bot.forge.base import Reaction, Target
from bot.forge.errors import ForgeError, Unavailable
from bot.intake import BadConfig, Intake, check_may_ask, repository_config
from bot.refusal import Refusal
from bot.refusals import CONFIG_PATH
from bot.repoconfig import RepoConfig
from bot.requests import (
    IllegalTransition,
    Request,
    RequestStatus,
    Subject,
    SubjectKind,
    Trigger,
    new_id,
)
from bot.said import Thread
from bot.services import Services
from bot.statusboard import StatusBoard
from bot.steps import revived
from bot.store.queries import RequestFilter
from bot.targets import Finder, Line, Targets
from bot.telling import LABEL_RUNNING, Teller
from webhooks.events import RepositoryEvent

logger = logging.getLogger(__name__)

BETTER = "Make it clearer and simpler, and right in every case that the docstring speaks of."
"""What `retry` wishes on a pull request of ours, where nothing failed."""

_CANCELLABLE = (
    RequestStatus.QUEUED,
    RequestStatus.RUNNING,
    RequestStatus.WAITING,
    RequestStatus.SOLVED,
)
_RETRIABLE = (
    RequestStatus.WAITING,
    RequestStatus.EXHAUSTED,
    RequestStatus.FAILED,
    RequestStatus.CANCELLED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a command was given, by the event's sender; `label` is the one that was set, if one was."""

    event: RepositoryEvent
    subject: Subject
    trigger: Trigger
    reactions: Target
    issue_body: str = ""
    line: Line | None = None
    label: str | None = None
    is_open: bool = True

    @property
    def repository(self) -> str:
        return self.event.repository.full_name

    @property
    def key(self) -> str:
        """Names the command among all: what is said in answer to it is said once."""
        return f"{self.repository} {self.trigger.kind.value} {self.trigger.id}"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One command's way through the bot."""

    services: Services
    place: Place

    def answer(self, command: Command | CommandError) -> str:
        """Do what the command says; a few words for the record.

        Raises Unavailable and StoreUnavailable: then nothing is lost, and it is answered later.
        """
        place = self.place
        asker = place.event.sender
        try:
            config = repository_config(self.services, place.repository)
            if place.label is not None and place.label.lower() != config.label.lower():
                return "another label"
            if place.label is not None and self._label_was_heard(place.label):
                return "the label is gone"
            check_may_ask(self.services, place.repository, asker.login, config, is_bot=asker.is_bot)
            return self._do(command, config)
        except BadConfig as error:
            return self._bad_config(error)
        except Refusal as refusal:
            return self._refuse(refusal)

    def _do(self, command: Command | CommandError, config: RepoConfig) -> str:
        match command:
            case CommandError():
                raise Refusal(replies.command_error(command))
            case Generate():
                return self._generate(command, config)
            case Cancel():
                return self._cancel()
            case Retry(fresh=fresh):
                return self._retry(config, fresh=fresh)
            case Status():
                return self._status()
            case Explain():
                return self._explain()
            case ShowConfig():
                return self._say(self._shown_config(config), "told the configuration")
            case Help():
                return self._say(replies.help_text(config.label), "told the commands")
            case Improve(wish=wish):
                return self._improve(wish)
            case Score():
                raise Refusal(
                    refusals.cannot("score a code base on the server: supercharge score PATH")
                )

    # -- what takes a worker -----------------------------------------------------------------------

    def _generate(self, command: Generate, config: RepoConfig) -> str:
        place = self.place
        if not place.is_open:
            raise Refusal(refusals.closed(on_pull=place.subject.kind is SubjectKind.PULL))
        targets = self._targets(command, config)
        made = Intake(self.services, config).take(
            place.event,
            place.subject,
            place.trigger,
            targets,
            command.options,
            place.event.sender,
        )
        self._thread.react(place.reactions, Reaction.EYES)
        self._relabel(place.label)
        StatusBoard(self.services, made[0]).show()
        return f"requests {', '.join(request.id for request in made)}"

    def _label_was_heard(self, label: str) -> bool:
        """Whether the label is gone, and not because this very event is handled a second time.

        It was taken back, or polling found it first: then its request has been made.
        """
        place, store = self.place, self.services.store
        issue = self.services.forge.issue(place.repository, place.subject.number)
        if label.lower() in map(str.lower, issue.labels):
            return False
        here = RequestFilter(repository=place.repository, subject=place.subject)
        return all(known.trigger != place.trigger for known in store.list_requests(here))

    def _targets(self, command: Generate, config: RepoConfig) -> Targets:
        place = self.place
        finder = Finder(self.services.forge, place.repository, config)
        if place.subject.kind is SubjectKind.PULL:
            return finder.in_pull(place.subject.number, command.target, place.line)
        return finder.in_issue(place.issue_body, command.options.base, command.target)

    def _relabel(self, asking: str | None) -> None:
        """The label that asked has been heard; another one shows that it runs."""
        forge, where = self.services.forge, (self.place.repository, self.place.subject.number)
        try:
            if asking is not None:
                forge.remove_label(*where, asking)
            forge.add_labels(*where, (LABEL_RUNNING,))
        except Unavailable:
            raise
        except ForgeError as error:
            logger.warning("no label in %s: %s", self.place.repository, error)

    # -- what is about requests that there are -----------------------------------------------------

    def _requests(self, statuses: Sequence[RequestStatus] = ()) -> list[Request]:
        """Those made here, and those whose pull request this is; newest first."""
        place = self.place
        found = self.services.store.list_requests(
            RequestFilter(
                repository=place.repository, subject=place.subject, statuses=tuple(statuses)
            )
        )
        if place.subject.kind is SubjectKind.PULL:
            found += self.services.store.list_requests(
                RequestFilter(
                    repository=place.repository,
                    pull_number=place.subject.number,
                    statuses=tuple(statuses),
                )
            )
        return list({request.id: request for request in found}.values())

    def _cancel(self) -> str:
        login, stopped = self.place.event.sender.login, []
        for request in self._requests(_CANCELLABLE):
            try:
                stopped.append(self.services.store.request_cancel(request.id, login))
            except IllegalTransition:
                continue  # it ended in this very moment, and says so itself
        if not stopped:
            raise Refusal(refusals.nothing_to("cancel"))
        self._thread.react(self.place.reactions, Reaction.EYES)
        for request in stopped:
            Teller(self.services).tell(request)
        return f"cancelled {', '.join(request.id for request in stopped)}"

    def _retry(self, config: RepoConfig, *, fresh: bool) -> str:
        now, again = self.services.clock(), []
        for request in self._requests(_RETRIABLE):
            try:
                again.append(
                    self.services.store.apply(
                        request.id,
                        lambda current: revived(
                            current,
                            now=now,
                            reason=f"{self.place.event.sender.login} asked for it",
                            fresh=fresh,
                        ),
                    )
                )
            except IllegalTransition:
                continue  # a worker has taken it up meanwhile
        if not again and (mine := self._of_this_pull()) is not None:
            return self._grow(mine, wish=None if fresh else BETTER, fresh=fresh)
        if not again:
            raise Refusal(refusals.nothing_to("retry"))
        self._thread.react(self.place.reactions, Reaction.EYES)
        for request in again:
            StatusBoard(self.services, request).show()
        return f"queued again {', '.join(request.id for request in again)}"

    def _improve(self, wish: str) -> str:
        mine = self._of_this_pull()
        if mine is None:
            raise Refusal(refusals.own_pull_only("improve"))
        return self._grow(mine, wish=wish, fresh=False)

    def _of_this_pull(self) -> Request | None:
        """The newest request that made this pull request, where it is ours."""
        place = self.place
        if place.subject.kind is not SubjectKind.PULL:
            return None
        mine = self.services.store.list_requests(
            RequestFilter(
                repository=place.repository,
                pull_number=place.subject.number,
                statuses=(RequestStatus.PR_OPENED,),
            )
        )
        return mine[0] if mine else None

    def _grow(self, mine: Request, *, wish: str | None, fresh: bool) -> str:
        """Another version on our own pull request: a request that grows the same pool and branch."""
        if not self.place.is_open:
            raise Refusal(refusals.closed(on_pull=True))
        now, asker = self.services.clock(), self.place.event.sender
        request, _ = self.services.store.add_request(
            Request(
                id=new_id(),
                repository=mine.repository,
                subject=self.place.subject,
                trigger=self.place.trigger,
                requester=asker.login,
                requester_id=asker.id,
                spec=mine.spec,
                created_at=now,
                updated_at=now,
                installation_id=mine.installation_id,
                options=replace(mine.options, wish=wish, dry_run=False),
                base_branch=mine.base_branch,
                branch=mine.branch,
                pull_number=mine.pull_number,
                pool_id=None if fresh else mine.pool_id,
                expires_at=now + timedelta(days=self.services.settings.retry.expires_days),
            )
        )
        self._thread.react(self.place.reactions, Reaction.EYES)
        StatusBoard(self.services, request).show()
        return f"request {request.id}"

    def _status(self) -> str:
        requests = self._requests()
        if not requests:
            raise Refusal(refusals.nothing_to("status"))
        return self._say(StatusBoard(self.services, requests[0]).words(requests), "told the status")

    def _explain(self) -> str:
        requests = self._requests()
        if not requests:
            raise Refusal(refusals.nothing_to("explain"))
        return self._say(Teller(self.services).explanation(requests[0]), "explained")

    # -- words -------------------------------------------------------------------------------------

    @property
    def _thread(self) -> Thread:
        return Thread(self.services, self.place.repository, self.place.subject.number)

    def _say(self, words: str, note: str) -> str:
        self._thread.say(words, key=self.place.key)
        return note

    def _shown_config(self, config: RepoConfig) -> str:
        forge, repository = self.services.forge, self.place.repository
        branch = forge.repository(repository).default_branch
        there = forge.read_file(repository, CONFIG_PATH, branch) is not None
        return replies.show_config(config, is_from_file=there)

    def _bad_config(self, error: BadConfig) -> str:
        """Those who may write may mend it, so they are told; others are told nothing."""
        asker = self.place.event.sender
        try:
            check_may_ask(
                self.services, self.place.repository, asker.login, RepoConfig(), is_bot=asker.is_bot
            )
        except Refusal as refusal:
            return self._refuse(refusal)
        self._thread.react(self.place.reactions, Reaction.CONFUSED)
        if self.place.subject.kind is SubjectKind.PULL:
            show_config_check(
                self.services, self.place.repository, self.place.subject.number, error.problems
            )
        return self._say(replies.config_errors(error.problems), "bad configuration")

    def _refuse(self, refusal: Refusal) -> str:
        if refusal.silent:
            return f"refused in silence: {refusal}"
        self._thread.react(self.place.reactions, Reaction.THUMBS_DOWN)
        if refusal.stranger:
            # Words once, so that nobody can make the bot talk without end; the reaction tells the rest.
            login, number = self.place.event.sender.login, self.place.subject.number
            self._thread.say(str(refusal), key=f"{self.place.repository} #{number} no to {login}")
        else:
            self._thread.say(str(refusal), key=self.place.key)
        return f"refused: {refusal}"
