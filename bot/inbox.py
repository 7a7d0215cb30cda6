"""Handles stored deliveries, one after the other, beside whatever the runner is doing."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot.handlers import handle
from bot.outages import outage_of
from bot.polled import POLLED, polled_event
from bot.requests import new_id
from bot.services import Services
from bot.store.deliveries import Delivery
from webhooks.events import Event
from webhooks.payloads import MalformedPayload, parse_event

logger = logging.getLogger(__name__)

MOST_TRIES = 5
"""A delivery over which we fail again and again is put aside, with the id of the error in the log."""
PAUSE_S = 10.0


@dataclass(frozen=True, slots=True)
class Inbox:
    """Takes deliveries under `name`, which no other worker has."""

    services: Services
    name: str

    def work(self) -> int:
        """Handle what is there; how many deliveries that were. Raises StoreUnavailable."""
        lease_s = 2 * self.services.settings.worker.lease_s
        taken = self.services.store.next_deliveries(self.name, lease_s=lease_s)
        notes: dict[str, str] = {}
        try:
            for delivery in taken:
                note = self._handle(delivery)
                if note is not None:
                    notes[delivery.id] = note
        finally:
            if notes:
                self.services.store.mark_all_handled(notes)
        return len(taken)

    def _event(self, delivery: Delivery) -> Event | None:
        if delivery.name == POLLED:
            return polled_event(self.services.forge, delivery.id, delivery.body)
        return parse_event(delivery.name, delivery.id, delivery.body)

    def _handle(self, delivery: Delivery) -> str | None:
        """What came of a delivery, or None where it was put back."""
        store = self.services.store
        try:
            event = self._event(delivery)
            note = handle(self.services, event) if event else "gone meanwhile"
        except MalformedPayload as error:
            note = f"malformed: {error}"
        except Exception as error:
            outage = outage_of(error)
            if outage is not None:
                logger.warning("delivery %s waits: %s", delivery.id, outage.reason)
                # As for parked requests: those that met one outage do not come back together.
                pause = self.services.settings.park.delay_s(
                    delivery.tries, self.services.rng, retry_after_s=outage.retry_after_s
                )
                store.put_back_delivery(delivery.id, delay_s=pause, note=outage.reason)
                return None
            error_id = new_id()
            logger.exception("internal error %s over delivery %s", error_id, delivery.id)
            note = f"internal error {error_id}"
            if delivery.tries < MOST_TRIES:
                pause = PAUSE_S * 2**delivery.tries
                store.put_back_delivery(delivery.id, delay_s=pause, note=note)
                return None
        logger.info("delivery %s (%s): %s", delivery.id, delivery.name, note)
        return note
