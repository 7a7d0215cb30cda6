"""Webhook deliveries: signed, in order, by a thread of their own, and listed as GitHub lists them."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.forge.fake.faults import Faults
from bot.forge.fake.world import App, Repo, World

_TIMEOUT_S = 10.0


@dataclass(eq=False, slots=True)
class Hook:
    """Where events go: an App's webhook, or one repository's."""

    id: int
    url: str
    secret: str
    app: App | None = None
    repo: Repo | None = None


@dataclass(eq=False, slots=True)
class Attempt:
    """One try to make a delivery, as GitHub lists it."""

    id: int
    guid: str
    hook: Hook
    event: str
    payload: dict[str, Any]
    delivered_at: datetime
    redelivery: bool
    status_code: int = 0
    duration_s: float = 0.0


@dataclass(slots=True)
class Courier:
    """Makes deliveries. `world.lock` is held by whoever calls `send`, and never while one is made."""

    world: World
    faults: Faults
    hooks: list[Hook] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    observer: Callable[[str, dict[str, Any]], None] | None = None
    """Is shown every payload, before it goes out."""
    _queue: queue.Queue[Attempt | None] = field(default_factory=queue.Queue)
    _held: list[Attempt] = field(default_factory=list)
    _thread: threading.Thread | None = None
    _closed: bool = False

    def send(self, hook: Hook, event: str, payload: dict[str, Any], guid: str = "") -> Attempt:
        """Records a delivery and queues it; one with a `guid` is made once more."""
        if self.observer is not None:
            self.observer(event, payload)
        attempt = Attempt(
            id=self.world.next_id(),
            guid=guid or str(uuid.uuid4()),
            hook=hook,
            event=event,
            payload=payload,
            delivered_at=self.world.now(),
            redelivery=bool(guid),
        )
        self.attempts.append(attempt)
        if self.faults.drop_deliveries:
            return attempt
        if self.faults.hold_deliveries:
            self._held.append(attempt)
            return attempt
        self._put(attempt)
        return attempt

    def release(self) -> None:
        """Makes the deliveries that were held back, the last one first."""
        held, self._held = self._held, []
        for attempt in reversed(held):
            self._put(attempt)

    def wait(self) -> None:
        """Returns when no delivery is waiting or under way."""
        self._queue.join()

    def close(self) -> None:
        """Ends after the delivery under way; those that wait are not made."""
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _put(self, attempt: Attempt) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="deliveries", daemon=True)
            self._thread.start()
        self._queue.put(attempt)
        if self.faults.duplicate_deliveries:
            self._queue.put(attempt)

    def _work(self) -> None:
        while (attempt := self._queue.get()) is not None:
            if not self._closed:
                started = time.monotonic()
                attempt.status_code = _post(attempt)
                attempt.duration_s = round(time.monotonic() - started, 2)
            self._queue.task_done()
        self._queue.task_done()


def _post(attempt: Attempt) -> int:
    """Makes the delivery; the status of the answer, or 0 where there was none."""
    body = json.dumps(attempt.payload).encode()
    hook = attempt.hook
    digest = hmac.new(hook.secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/loopback",
        "X-GitHub-Event": attempt.event,
        "X-GitHub-Delivery": attempt.guid,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-Type": "repository"
        if hook.app is None
        else "integration",
        "X-GitHub-Hook-Installation-Target-ID": str((hook.app or hook.repo or hook).id),
        "X-Hub-Signature-256": f"sha256={digest}",
    }
    request = urllib.request.Request(hook.url, data=body, headers=headers, method="POST")
    try:
        with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except (OSError, ValueError):
        return 0


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Deliveries stay on this machine, whatever proxy its environment names."""
