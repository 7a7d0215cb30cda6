"""`supercharge web`: takes deliveries, stores them, and does nothing else.

The application is `webhooks.app`; here it gets its store and a production server.
"""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from bot.arrivals import Arrivals
from bot.deliveries import is_of_use, semantic_key
from bot.metrics import exposition
from bot.settings import Settings
from bot.store.deliveries import Arrival
from bot.store.errors import StoreUnavailable
from engine.errors import BadInput
from webhooks.app import StoreUnavailable as NotReady
from webhooks.app import create_app
from webhooks.events import Event

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from bot.store.store import Store

logger = logging.getLogger(__name__)


def application(settings: Settings, store: Store, arrivals: Arrivals) -> WSGIApplication:
    """The WSGI application over this store. Raises BadInput where there is no secret."""
    if not settings.webhook.secrets:
        raise BadInput(
            "no webhook secret is set: without one anybody could give orders; set"
            " SUPERCHARGE_WEBHOOK_SECRET to the secret that you entered at GitHub"
        )

    def accept(event: Event, body: bytes) -> bool:
        if not is_of_use(event):
            return True
        try:
            key = semantic_key(event)
            return arrivals.accept(Arrival(event.delivery_id, event.name, body, key))
        except StoreUnavailable as error:
            raise NotReady(str(error)) from error

    def ready() -> None:
        try:
            store.ping()
        except StoreUnavailable as error:
            raise NotReady(str(error)) from error

    def metrics() -> str:
        try:
            return exposition(store.gauges())
        except StoreUnavailable as error:
            raise NotReady(str(error)) from error

    return create_app(secrets=settings.webhook.secrets, accept=accept, ready=ready, metrics=metrics)


def serve(
    settings: Settings, store: Store, listener: socket.socket, *, told: Callable[[str], None]
) -> None:
    """Serve at `listener` until SIGTERM or Ctrl-C; `told` is given the address once it does.

    What has connected and was not taken up waits at the listener, for whoever holds it too.
    """
    import waitress

    arrivals = Arrivals(store)
    app = application(settings, store, arrivals)
    server = waitress.create_server(
        app,
        sockets=[listener],
        threads=settings.web.threads,
        ident=None,
        # The application answers for its own limits; what comes without end is cut off here.
        channel_timeout=30,
        max_request_header_size=64 * 1024,
        expose_tracebacks=False,
    )

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    host, port = listener.getsockname()[:2]
    told(f"http://{host}:{port}")
    with arrivals:
        try:
            server.run()
        finally:
            # Deliveries that are being answered are answered before this returns.
            server.task_dispatcher.shutdown()
            server.close()
