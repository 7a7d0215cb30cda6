"""Ticks. What is to be done next is in the database; this only looks there often enough.

Any number of processes may tick: a request that two of them see is changed by one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot import steps
from bot.metrics import one_line
from bot.requests import IllegalTransition, Request, RequestStatus
from bot.settings import SchedulerSettings
from bot.store.queries import RequestFilter
from engine.errors import SuperchargeError

if TYPE_CHECKING:
    from bot.store.store import Store

log = logging.getLogger(__name__)

HOUSEKEEPING_S = 3600.0
"""Seconds between two looks for what is old, and for a new model or new prompts."""
METRICS_S = 60.0


@dataclass(frozen=True, slots=True)
class Tick:
    """Something that is done again and again, about every `every_s` seconds."""

    name: str
    every_s: float
    do: Callable[[], object]


class Chores:
    """What has to be done in the store now and then; every method is one tick's work."""

    def __init__(
        self,
        store: Store,
        *,
        settings: SchedulerSettings,
        clock: Callable[[], datetime],
        fingerprint: str = "",
    ) -> None:
        """`fingerprint` names the model and prompts in use now; empty where they are not known."""
        self._store = store
        self._settings = settings
        self._clock = clock
        self._fingerprint = fingerprint
        self._told = ""

    def ticks(self) -> list[Tick]:
        often = self._settings.tick_s
        return [
            Tick("stale leases", often, self.release_stale_leases),
            Tick("due retries", often, self.wake),
            Tick("another model", HOUSEKEEPING_S, self.revive_exhausted),
            Tick("metrics", METRICS_S, self.tell_metrics),
            Tick("housekeeping", HOUSEKEEPING_S, self.keep_house),
        ]

    def wake(self) -> list[Request]:
        """Queue the requests whose time has come."""
        woken = self._store.wake()
        for request in woken:
            log.info("%s goes on: %s", request.id, request.reason)
        return woken

    def release_stale_leases(self) -> list[Request]:
        """Queue again what dead workers held."""
        released = self._store.release_stale_leases()
        for request in released:
            log.warning("%s lost its worker: it is %s", request.id, request.status.value)
        return released

    def revive_exhausted(self) -> list[Request]:
        """Queue again what another model, or other prompts, could not solve and has not expired."""
        if not self._fingerprint:
            return []
        wanted = RequestFilter(
            statuses=(RequestStatus.EXHAUSTED,), other_fingerprint_than=self._fingerprint
        )
        now, reason = self._clock(), "there is another model, or other prompts"
        revived = []
        # The oldest first: so they are queued in the order in which they were made.
        for request in reversed(self._store.list_requests(wanted)):
            expired = request.expires_at is not None and request.expires_at <= now
            if expired or not request.fingerprint:
                continue
            try:
                again = self._store.apply(
                    request.id, lambda r: steps.revived(r, now=now, reason=reason)
                )
            except IllegalTransition:
                continue  # another process, or a person, was faster
            log.info("%s goes on: %s", again.id, again.reason)
            revived.append(again)
        return revived

    def tell_metrics(self) -> str:
        """Say in the log how things stand, where that is news; what was said, or nothing."""
        line = one_line(self._store.gauges())
        if line == self._told:
            return ""
        self._told = line
        log.info("under way: %s", line)
        return line

    def keep_house(self) -> tuple[int, int]:
        """Drop old pools and forget old deliveries; how many of each."""
        now = self._clock()
        pools = self._store.prune_pools(now - timedelta(days=self._settings.keep_pools_days))
        kept_for = timedelta(days=self._settings.keep_deliveries_days)
        deliveries = self._store.prune_deliveries(now - kept_for)
        if pools or deliveries:
            log.info("dropped %d old pools and %d old deliveries", pools, deliveries)
        return pools, deliveries


class Scheduler:
    """Does every tick in a thread of its own, at once and then again and again, until it is stopped.

    A tick that fails for a foreseen reason (the database is down) is logged in one line and done again
    at its next time. The times are spread by jitter, so that many processes do not look together.
    """

    def __init__(self, ticks: Sequence[Tick]) -> None:
        self._ticks = tuple(ticks)
        self._background: Any = None
        self._stopping = threading.Event()

    def run_once(self) -> None:
        """Every tick, here and now."""
        for tick in self._ticks:
            self._do(tick)

    def start(self) -> None:
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler
        from apscheduler.triggers.interval import IntervalTrigger

        # Every run is told on INFO, which would be most of a quiet day's log.
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        background = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(max(len(self._ticks), 1))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for tick in self._ticks:
            spread = IntervalTrigger(seconds=tick.every_s, jitter=tick.every_s / 5, timezone="UTC")
            now = datetime.now(UTC)
            background.add_job(self._do, spread, args=(tick,), id=tick.name, next_run_time=now)
        background.start()
        self._background = background

    def stop(self) -> None:
        """Let the ticks that are under way end, and start no more. Stopping twice is fine."""
        self._stopping.set()
        if self._background is not None:
            self._background.shutdown(wait=True)
            self._background = None

    def _do(self, tick: Tick) -> None:
        if self._stopping.is_set():
            return
        try:
            tick.do()
        except SuperchargeError as error:
            log.warning("%s: %s; tried again in about %.0f s", tick.name, error, tick.every_s)
