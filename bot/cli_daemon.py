"""The commands that run the bot: serve, web, worker, receive."""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.errors import BadInput

if TYPE_CHECKING:
    from bot.services import Services
    from bot.settings import Settings

NICE = 5
"""How much a worker gives way to the web side."""


def add_to(cli: click.Group) -> None:
    """Put these commands into the command line."""
    for command in (serve, web, worker, receive):
        cli.add_command(command)


_host = click.option("--host", help="Listen on this address instead of web.host.")
_port = click.option("--port", type=int, help="Listen on this port instead of web.port.")


@click.command()
@_host
@_port
@click.pass_obj
def serve(config: Path | None, host: str | None, port: int | None) -> None:
    """Run the bot: the web side and one worker, each a process, both kept running."""
    from bot import listening
    from bot import settings as configuration
    from bot.supervisor import Child, Supervisor

    settings = configuration.load(config)
    _check(settings)
    _log()
    base = [sys.executable, "-m", "bot", *(("--config", str(config)) if config else ())]
    listener = listening.listen(
        settings.web.host if host is None else host, settings.web.port if port is None else port
    )
    # Held here, so that no connection is refused while the web side is started again.
    kept = listener.fileno()
    web = Child("web", [*base, "web", "--fd", str(kept)], keeps=[kept])
    supervisor = Supervisor([web, Child("worker", [*base, "worker"])])
    supervisor.handle_signals()
    sys.exit(supervisor.run())


@click.command()
@_host
@_port
@click.option("--fd", type=int, help="Take them at this inherited descriptor, a listening socket.")
@click.pass_obj
def web(config: Path | None, host: str | None, port: int | None, fd: int | None) -> None:
    """Take GitHub's deliveries: verify, store, answer 202. Does nothing else."""
    from bot import listening
    from bot import settings as configuration
    from bot import web as webs
    from bot.store import open_store

    settings = configuration.load(config)
    given = {"host": host, "port": port}
    asked = {key: value for key, value in given.items() if value is not None}
    settings = dataclasses.replace(settings, web=dataclasses.replace(settings.web, **asked))  # type: ignore[arg-type]
    _log()
    with open_store(settings.database.store_url()) as store:
        listener = listening.inherited(fd) or listening.listen(settings.web.host, settings.web.port)
        webs.serve(
            settings,
            store,
            listener,
            told=lambda url: click.echo(f"taking deliveries at {url}/webhook"),
        )


@click.command()
@click.pass_obj
def worker(config: Path | None) -> None:
    """Handle deliveries, search, and open pull requests, until stopped."""
    import signal

    from bot import settings as configuration
    from bot.models import open_configured, open_small
    from bot.worker import Worker
    from engine.sandbox import open_sandbox

    settings = configuration.load(config)
    _log()
    # A delivery's 202 comes first where both want the processor; a search does not mind.
    os.nice(NICE)
    with _services(settings) as services:
        working = Worker(
            services,
            open_model=lambda: open_configured(settings, services.store),
            open_sandbox=lambda project: open_sandbox(settings.sandbox, project=project),
            open_small=lambda: open_small(settings, services.store),
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: working.stop())
        click.echo(f"working on {services.store.name}")
        working.run()


@click.command()
@click.argument("event")
@click.argument("payload", type=click.Path(path_type=Path))
@click.option("--delivery", help="The delivery's id; without it a new one.")
@click.pass_obj
def receive(config: Path | None, event: str, payload: Path, delivery: str | None) -> None:
    """Replay one delivery: handle PAYLOAD, a JSON file, as GitHub's EVENT, here and now.

    EVENT is GitHub's name for it, like issue_comment. What it asks for is done: it answers on GitHub,
    and what it queues the next worker takes up.
    """
    import uuid

    from bot import settings as configuration
    from bot.handlers import handle
    from webhooks.payloads import MalformedPayload, parse_event

    settings = configuration.load(config)
    try:
        body = payload.read_bytes()
        parsed = parse_event(event, delivery or str(uuid.uuid4()), body)
    except OSError as error:
        raise BadInput(f"cannot read {payload}: {error.strerror or error}") from error
    except MalformedPayload as error:
        raise BadInput(f"{payload} is no {event}: {error}") from error
    with _services(settings) as services:
        click.echo(f"{type(parsed).__name__}: {handle(services, parsed)}")


class _services:  # noqa: N801 - a context manager, used as a function
    """The store and GitHub, opened for as long as the block lasts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __enter__(self) -> Services:
        from bot.forge.github import open_github
        from bot.services import Services
        from bot.store import open_store

        self._forge = open_github(self._settings.github)
        self._store = open_store(self._settings.database.store_url())
        return Services(self._store, self._forge, self._settings)

    def __exit__(self, *_: object) -> None:
        self._store.close()
        self._forge.close()


def _check(settings: Settings) -> None:
    """What both processes would say one after the other is said once, before either starts."""
    if not settings.webhook.secrets:
        raise BadInput("no webhook secret is set: set SUPERCHARGE_WEBHOOK_SECRET, as at GitHub")
    if not settings.github.token and not settings.github.app_id:
        raise BadInput(
            "no GitHub credentials are set: github.app_id and github.app_key_file, or"
            " SUPERCHARGE_GITHUB_TOKEN"
        )


def _log() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # The one tells of each of its plugins at every start, the other of what is told once it failed.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    # It tells every request to a model server, of which there are thousands.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
