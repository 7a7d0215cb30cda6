"""`supercharge worker`: handles deliveries, carries requests, and looks after what was left behind.

The inbox answers commands at once, also while searches run; each runner carries one request after the
other, and all of them ask one model, whose batch their asks share, and borrow their sandboxes; beside
them the scheduler ticks. Each has a name of its own in the store, and what one leaves behind when it is
killed is taken up by the next.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from bot.forge.errors import ForgeError
from bot.inbox import Inbox
from bot.polling import EVERY_S as POLL_S
from bot.polling import Poller
from bot.requests import ENDS
from bot.runner import Runner, fingerprint
from bot.said import BeingDone
from bot.scheduler import HOUSEKEEPING_S, Chores, Scheduler, Tick
from bot.scratch import sweep_scratch
from bot.services import Services
from bot.store.errors import StoreUnavailable
from bot.store.queries import RequestFilter
from bot.telling import Teller
from engine.llm.base import LanguageModel
from engine.llm.lending import Lender
from engine.sandbox.base import Project, Sandbox
from engine.sandbox.lending import SandboxLender

logger = logging.getLogger(__name__)

IDLE_S = 0.5
"""How often an idle thread looks for work."""


@dataclass
class Worker:
    """All of one worker process. `run` blocks until `stop` is called from anywhere."""

    services: Services
    open_model: Callable[[], LanguageModel]
    open_sandbox: Callable[[Project | None], Sandbox]
    open_small: Callable[[], LanguageModel | None] = lambda: None
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.inbox = Inbox(self.services, f"{name}-inbox")
        self.sandboxes = SandboxLender(self.open_sandbox, self.services.settings.sandbox)
        large, small = Lender(self.open_model), Lender(self._opened_small)
        cascades = self.services.settings.small_model() is not None
        self.runners = [
            Runner(
                self.services,
                f"{name}-runner-{number}",
                large.lend,
                self.sandboxes.lend,
                open_small=small.lend if cascades else lambda: None,
                stopping=self.stopping,
            )
            for number in range(1, self.services.settings.worker.requests + 1)
        ]

    def _opened_small(self) -> LanguageModel:
        model = self.open_small()
        assert model is not None, "a cascade is configured"
        return model

    def stop(self) -> None:
        """End within seconds: a search that runs is cut short, and queued again with its pool."""
        self.stopping.set()

    def run(self) -> None:
        """Work until stopped. Raises what one of the threads could not go on from."""
        failures: list[BaseException] = []
        threads = [
            threading.Thread(target=self._loop, args=(work, failures), name=name)
            for name, work in self._works()
        ]
        scheduler = Scheduler(self.ticks())
        for thread in threads:
            thread.start()
        scheduler.start()
        for thread in threads:
            # Not one long wait: a signal that comes just before it would be heard only when it ends.
            while thread.is_alive():
                thread.join(IDLE_S)
        scheduler.stop()
        for runner in self.runners:
            runner.close()
        self.sandboxes.close()
        if failures:
            raise failures[0]

    def _loop(self, work: Callable[[], float], failures: list[BaseException]) -> None:
        """Call `work` until the end; it says after how many seconds it wants to be called again."""
        services, outages = self.services, 0
        try:
            while not self.stopping.is_set():
                try:
                    pause, outages = work(), 0
                except StoreUnavailable as error:
                    logger.warning("the database is away: %s", error)
                    outages += 1
                    pause = services.settings.park.delay_s(outages, services.rng)
                self.stopping.wait(pause)
        except BaseException as error:  # noqa: BLE001 - the process ends with it, and is started again
            failures.append(error)
            self.stopping.set()

    def _inbox(self) -> float:
        return 0.0 if self.inbox.work() else IDLE_S

    def _works(self) -> Iterator[tuple[str, Callable[[], float]]]:
        """What each thread does, and its name."""
        yield "inbox", self._inbox
        for runner in self.runners:
            yield runner.name, partial(self._carry, runner)

    def _carry(self, runner: Runner) -> float:
        return 0.0 if runner.work() else IDLE_S

    def ticks(self) -> list[Tick]:
        """What the scheduler does: the store's chores, and the words that are owed."""
        services = self.services
        chores = Chores(
            services.store,
            settings=services.settings.scheduler,
            clock=services.clock,
            fingerprint=fingerprint(services.settings),
        )
        poller = Poller(services)
        often = services.settings.scheduler.tick_s
        return [
            *chores.ticks(),
            Tick("folders of the dead", HOUSEKEEPING_S, sweep_scratch),
            Tick("sandboxes that nobody uses", often, self.sandboxes.tidy),
            Tick("words that are owed", often, self.say_what_is_owed),
            Tick("deliveries that failed", POLL_S, poller.redeliver_failed),
            Tick("wishes that nobody told of", POLL_S, poller.find_missed),
        ]

    def say_what_is_owed(self) -> None:
        """Tell of ends that nobody was told of: GitHub was away, or whoever was to tell died."""
        store = self.services.store
        owed = RequestFilter(statuses=tuple(ENDS), words_owed=True)
        for request in store.list_requests(owed, limit=20):
            try:
                Teller(self.services).tell(request)
            except BeingDone:
                continue
            except ForgeError as error:
                logger.warning("words are still owed for %s: %s", request.id, error)
