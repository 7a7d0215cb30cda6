"""Takes one request after the other and carries each as far as it goes.

A claimed request is RUNNING: it is searched for, with the pool that it has. One that is SOLVED is
handed over as a pull request; a failed call to GitHub never searches again. Whatever ends the work, the
request says so: solved, waiting (not solved, or a part is down), exhausted, cancelled, refused, or
failed with the id of an error that the log has.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from bot import refusals
from bot.checkouts import checked_out, in_sandbox, project_of
from bot.forge.errors import ForgeError
from bot.handover import HandOver
from bot.intake import repository_config
from bot.learning import Learning
from bot.lease import Lease
from bot.models import identity, model_names
from bot.outages import Outage, outage_of
from bot.refusal import Refusal
from bot.reporting import Reporter
from bot.requests import Request, RequestStatus, new_id
from bot.resting import Resting
from bot.retry import ParkReason, RetryPolicy
from bot.services import Services
from bot.settings import Settings
from bot.steps import parked, unsolved
from bot.store.errors import LeaseLost, StoreUnavailable
from bot.store.journal import Journal
from engine import prompts
from engine import search as engine_search
from engine.candidates import Tier
from engine.errors import BadInput, Cancelled
from engine.llm.base import LanguageModel
from engine.policy import Budget
from engine.sandbox.base import Project, Sandbox
from engine.search import Exhausted, Search, Solution
from engine.tuning import Tuner

logger = logging.getLogger(__name__)

MOST_STORE_TRIES = 60
LONGEST_STORE_PAUSE_S = 5.0


@dataclass
class Runner:
    """One worker's runner. `name` is its own: no two share one. `work` is for one thread only.

    The model is opened with the first request and stays; a sandbox is asked for by each.
    """

    services: Services
    name: str
    open_model: Callable[[], LanguageModel]
    open_sandbox: Callable[[Project | None], Sandbox]
    stopping: threading.Event = field(default_factory=threading.Event)
    open_small: Callable[[], LanguageModel | None] = lambda: None
    _model: LanguageModel | None = None
    _small: LanguageModel | None = None

    def __post_init__(self) -> None:
        services = self.services
        self._resting = Resting(services.settings.park, services.clock, services.rng)

    def work(self) -> bool:
        """Claim a request and carry it as far as it goes; False where there was none.

        Raises StoreUnavailable.
        """
        lease_s = self.services.settings.worker.lease_s
        request = self.services.store.claim(self.name, lease_s, statuses=self._resting.can_do())
        if request is None:
            return False
        reporter = Reporter(self.services, request)
        lease = Lease(
            self.services.store, request.id, self.name, lease_s=lease_s, also=reporter.beat
        )
        with lease, self._stopped_with(lease.stop):
            self._carry(request, lease, reporter)
        return True

    def close(self) -> None:
        """Let go of the model; the next request opens it again."""
        if self._model is not None:
            self._model.close()
            self._model = None
        if self._small is not None:
            self._small.close()
            self._small = None

    @contextmanager
    def _stopped_with(self, stop: threading.Event) -> Iterator[None]:
        """Set `stop` when this worker is to end."""
        over = threading.Event()

        def watch() -> None:
            while not over.is_set():
                if self.stopping.wait(0.2):
                    stop.set()
                    return

        watcher = threading.Thread(target=watch, name="stopping", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def _carry(self, request: Request, lease: Lease, reporter: Reporter) -> None:
        had_waited, answers = request.parks > 0, set(ParkReason)
        if request.status is not RequestStatus.RUNNING:
            answers.discard(ParkReason.MODEL)
        try:
            if request.status is RequestStatus.RUNNING:
                request = self._search(request, lease, reporter)
            if request.status is RequestStatus.SOLVED:
                self._hand_over(request)
            self._got_through(answers, had_waited=had_waited)
        except LeaseLost:
            logger.warning("%s is another worker's by now", request.id)
            return
        except Cancelled:
            self._surely(lambda: self._stopped(request, lease))
        except Refusal as refusal:
            words = str(refusal)
            self._surely(lambda: self._end(request, RequestStatus.REFUSED, words))
        except BadInput as error:
            words = refusals.cannot(str(error))
            self._surely(lambda: self._end(request, RequestStatus.REFUSED, words))
        except Exception as error:  # noqa: BLE001 - a worker outlives any request; it is told and logged
            outage = outage_of(error)
            if outage is None:
                self._surely(lambda: self._failed(request))
            else:
                self._surely(lambda: self._park(request, outage))
        reporter.tell()

    def _got_through(self, answers: Collection[ParkReason], *, had_waited: bool) -> None:
        """These parts answer: what waits for one of them goes on, in the order in which it was made."""
        self._resting.ended(answers)
        if not had_waited:
            return
        try:
            woken = self.services.store.wake_parked(answers)
        except StoreUnavailable as error:
            logger.warning("what is parked waits for its time: %s", error)
            return
        for request in woken:
            logger.info("%s goes on: %s", request.id, request.reason)

    # -- searching ---------------------------------------------------------------------------------

    def _search(self, request: Request, lease: Lease, reporter: Reporter) -> Request:
        """Search until solved or spent; the request as it is stored then."""
        services, commit = self.services, self._read_at(request)
        with (
            checked_out(services.forge, request.repository, commit) as root,
            self.open_sandbox(project_of(root, request.path)) as sandbox,
        ):
            model = self._opened_model()
            small = self._small
            pool_id = self._pool_id(request, model_names(model, small), sandbox, commit)
            pool = services.store.load_pool(pool_id)
            journal = Journal(services.store, pool_id)
            learning = Learning(services.store, services.settings.tuning)
            task = Search(
                spec=in_sandbox(request.spec, root),
                model=model,
                sandbox=sandbox,
                budget=budget_for(request, services.settings.budget()),
                settings=self._search_settings(request.options.wish or ""),
                pool=pool,
                tuner=learning.tuner(model),
                small=small,
                small_tuner=learning.tuner(small) if small else Tuner(),
                journal=journal,
                observer=reporter.observe,
                cancel=lease.stop,
            )
            try:
                outcome = task.run()
            finally:
                journal.flush()
            learning.keep(model, task.outcomes())
            if small:
                learning.keep(small, task.outcomes(Tier.SMALL))
        match outcome:
            case Solution():
                return services.store.solve(request.id, outcome, worker=self.name)
            case Exhausted():
                return self._unsolved(request, outcome)

    def _read_at(self, request: Request) -> str:
        """The commit whose files surround the stub; for a wish, that of our own branch as it is now."""
        if request.head_sha:
            return request.head_sha
        sha = self.services.forge.branch_sha(request.repository, request.branch or "")
        if sha is None:
            raise Refusal(refusals.no_branch(request.branch or ""))
        return sha

    def _pool_id(self, request: Request, model: str, sandbox: Sandbox, commit: str) -> str:
        """The request's pool; a new one where it has none."""
        if request.pool_id is not None:
            return request.pool_id
        pool_id = self.services.store.create_pool(
            request.spec,
            model=model,
            prompts=prompts.fingerprint(),
            seed=None,
            sandbox=sandbox.description,
            repository=request.repository,
            commit=commit,
            warnings=list(sandbox.warnings),
        )
        self.services.store.update_request(request.id, pool_id=pool_id)
        return pool_id

    def _hand_over(self, request: Request) -> None:
        store = self.services.store
        pool = store.load_pool(request.pool_id or "")
        solution = store.load_solution(request.id, pool)
        if solution is None:
            raise RuntimeError(f"{request.id} is solved without a solution")
        HandOver(self.services, self.name, self.open_sandbox).hand_over(request, solution)

    def _search_settings(self, wish: str) -> engine_search.Settings:
        search = self.services.settings.search
        return engine_search.Settings(
            timeout_s=search.timeout_s,
            prompt_format=search.prompt_format,
            max_tokens=search.max_tokens,
            wish=wish,
        )

    def _opened_model(self) -> LanguageModel:
        if self._model is None:
            self._small = self._small or self.open_small()
            self._model = self.open_model()
        return self._model

    def _unsolved(self, request: Request, outcome: Exhausted) -> Request:
        now = self.services.clock()
        policy = self.retry_policy(request)
        return self.services.store.apply(
            request.id,
            lambda current: unsolved(
                current,
                policy=policy,
                now=now,
                rng=self.services.rng,
                reason=outcome.reason.value,
                fingerprint=fingerprint(self.services.settings),
            ),
            worker=self.name,
        )

    def retry_policy(self, request: Request) -> RetryPolicy:
        """How often and how far apart this request is searched for again: its repository decides."""
        try:
            wanted = repository_config(self.services, request.repository).retry
        except (ForgeError, Refusal) as error:
            logger.warning("the server's own retry policy is taken: %s", error)
            return self.services.settings.retry
        return RetryPolicy(
            max=wanted.max, backoff_s=wanted.backoff, expires_days=wanted.expires_days
        )

    # -- ends --------------------------------------------------------------------------------------

    def _stopped(self, request: Request, lease: Lease) -> None:
        """The work was cut short: by a person, by this worker's end, or by a lease that was lost."""
        if lease.lost:
            return
        if lease.cancelled:
            who = self.services.store.get_request(request.id).reason
            self._end(request, RequestStatus.CANCELLED, who)
        else:
            self.services.store.release(request.id, self.name)

    def _end(self, request: Request, status: RequestStatus, reason: str) -> None:
        self.services.store.transition(request.id, status, reason, worker=self.name)

    def _failed(self, request: Request) -> None:
        error_id = new_id()
        logger.exception("internal error %s over request %s", error_id, request.id)
        self.services.store.transition(
            request.id,
            RequestStatus.FAILED,
            "internal error",
            worker=self.name,
            error_id=error_id,
        )

    def _park(self, request: Request, outage: Outage) -> None:
        logger.warning("%s waits for %s: %s", request.id, outage.part.value, outage.reason)
        if outage.part is ParkReason.MODEL:
            self.close()
        now = self.services.clock()
        self._resting.met(outage.part)
        self.services.store.apply(
            request.id,
            lambda current: parked(
                current,
                outage.part,
                policy=self.services.settings.park,
                now=now,
                rng=self.services.rng,
                reason=outage.reason,
                retry_after_s=outage.retry_after_s,
            ),
            worker=self.name,
        )

    def _surely(self, write: Callable[[], None]) -> None:
        """Write an end to the database, however often that takes; a lease that is lost ends it too."""
        services = self.services
        for tries in range(1, MOST_STORE_TRIES + 1):
            try:
                write()
            except StoreUnavailable as error:
                logger.warning("the end of a request could not be stored yet: %s", error)
                pause_s = services.settings.park.delay_s(tries, services.rng)
                self.stopping.wait(min(pause_s, LONGEST_STORE_PAUSE_S))
                if self.stopping.is_set():
                    return
            except LeaseLost:
                return
            else:
                return


def budget_for(request: Request, budget: Budget) -> Budget:
    """What this request may spend: the command's wishes over the server's."""
    options = request.options
    return replace(
        budget,
        candidates=options.candidates or budget.candidates,
        tests=options.tests or budget.tests,
        threshold=options.threshold or budget.threshold,
        seconds_left=options.minutes * 60 if options.minutes else budget.seconds_left,
    )


def fingerprint(settings: Settings) -> str:
    """Names the model and the prompts: with others, what was exhausted has a new chance."""
    first = f"{settings.cascade.model} " if settings.cascade.model else ""
    return f"{first}{identity(settings)} {prompts.fingerprint()}"
