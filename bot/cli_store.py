"""`supercharge pool` and `supercharge requests`: what the store keeps, for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.errors import BadInput

if TYPE_CHECKING:
    from bot.store.store import Store
    from engine.candidates import Entry, Pool
    from engine.spec import FunctionSpec

EXIT_DIFFERENT = 1

_HEADER = ("model", "prompts", "seed", "sandbox", "warnings", "repository", "commit")
"""What an imported file's header may say of how the pool was made."""

_AT_ONCE = 10_000
"""Entries written to a file in one go."""

_limit = click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="Most lines to print."
)


@click.group("pool")
def pool_group() -> None:
    """Kept pools: every candidate, result and judgement of one function.

    POOL is the id of a kept pool, or a file that was exported or left by `supercharge generate`.
    """


@pool_group.command("list")
@_limit
@click.pass_obj
def pool_list(config: Path | None, limit: int) -> None:
    """The kept pools, newest first."""
    from bot import listings

    with _store(config) as store:
        _print(listings.pool_list(store.list_pools(limit=limit)))


@pool_group.command("show")
@click.argument("pool")
@click.pass_obj
def pool_show(config: Path | None, pool: str) -> None:
    """What POOL holds, and the code that it speaks for."""
    from bot import listings
    from bot import settings as configuration

    settings = configuration.load(config)
    spec, about, found = _pool(config, pool)
    _print(listings.pool_lines(spec, about, found, min_asserts=settings.search.min_asserts))


@pool_group.command("export")
@click.argument("pool")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def pool_export(config: Path | None, pool: str, file: Path) -> None:
    """Write POOL to FILE, JSON Lines that `import`, `replay` and `generate --resume` read."""
    from engine import poolfile

    if file.exists():
        raise BadInput(f"{file} is there already: name a new file")
    with _store(config) as store:
        kept = store.get_pool(pool)
        with poolfile.PoolWriter(file, kept.spec, **kept.about, pool=kept.id) as writer:
            for entries in _batches(store.iter_entries(pool)):
                writer.append(entries)
    click.echo(f"wrote {kept.size} entries to {file}")


@pool_group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def pool_import(config: Path | None, file: Path) -> None:
    """Keep the pool of FILE under the id it was exported with, or a new one; prints that id."""
    from engine import poolfile
    from engine.spec import FunctionSpec

    header, entries = poolfile.read(file)
    about = {key: header[key] for key in _HEADER if key in header}
    named = header.get("pool")
    with _store(config) as store:
        pool_id = store.create_pool(
            FunctionSpec.from_json(header["spec"]),
            entries,
            pool_id=named if isinstance(named, str) and named.isalnum() else None,
            **about,
        )
    click.echo(pool_id)


@pool_group.command("replay")
@click.argument("pool")
@click.option(
    "--checkout",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The repository at the pool's commit, where its module imports others of it.",
)
@click.pass_obj
def pool_replay(config: Path | None, pool: str, checkout: Path | None) -> None:
    """Run every pair of POOL in the sandbox again; exit 1 where the matrix or the choice differs."""
    from bot import listings
    from bot import settings as configuration
    from bot.replay import replay
    from engine.sandbox import open_sandbox

    settings = configuration.load(config)
    spec, _, found = _pool(config, pool)
    project = None
    if checkout is not None:
        from bot.checkouts import in_sandbox, project_of

        root = checkout.resolve()
        spec, project = in_sandbox(spec, root), project_of(root, spec.path)
    with open_sandbox(settings.sandbox, project=project) as sandbox:
        result = replay(
            spec,
            found,
            sandbox,
            min_asserts=settings.search.min_asserts,
            timeout_s=settings.search.timeout_s,
        )
    _print(listings.replay_lines(result))
    if not result.is_same:
        sys.exit(EXIT_DIFFERENT)


@click.group("requests")
def requests_group() -> None:
    """The requests that the bot has taken, and what became of them."""


@requests_group.command("list")
@click.option("--status", help="Only those that stand there, for example waiting.")
@click.option("--repository", help="Only those of owner/name.")
@click.option("--requester", help="Only those that this login made.")
@_limit
@click.pass_obj
def requests_list(
    config: Path | None,
    status: str | None,
    repository: str | None,
    requester: str | None,
    limit: int,
) -> None:
    """The requests, newest first."""
    from bot import listings
    from bot.requests import RequestStatus
    from bot.store.queries import RequestFilter

    known = [each.value for each in RequestStatus]
    if status is not None and status not in known:
        raise BadInput(f"--status {status}: use one of {', '.join(known)}")
    wanted = RequestFilter(
        statuses=() if status is None else (RequestStatus(status),),
        repository=repository,
        requester=requester,
    )
    with _store(config) as store:
        _print(listings.request_list(store.list_requests(wanted, limit=limit)))


@requests_group.command("show")
@click.argument("request_id", metavar="REQUEST")
@click.pass_obj
def requests_show(config: Path | None, request_id: str) -> None:
    """All that is known of REQUEST, and all that happened to it."""
    from bot import listings

    with _store(config) as store:
        request = store.get_request(request_id)
        history, attempts = store.history(request_id), store.attempts_of(request_id)
    _print(listings.request_lines(request, history, attempts))


@requests_group.command("retry")
@click.argument("request_id", metavar="REQUEST")
@click.option("--fresh", is_flag=True, help="Start with an empty pool.")
@click.pass_obj
def requests_retry(config: Path | None, request_id: str, fresh: bool) -> None:
    """Queue REQUEST again at once, with all its retries and its kept pool."""
    from bot import settings as configuration
    from bot import steps
    from bot.requests import IllegalTransition, Request
    from bot.store import utc_now

    policy, now = configuration.load(config).retry, utc_now()

    def step(request: Request) -> Request:
        try:
            return steps.revived(
                request,
                now=now,
                reason="retried from the command line",
                expires_at=policy.expires_at(now),
                fresh=fresh,
            )
        except IllegalTransition as error:
            said = f"{request_id} cannot be retried: it is {request.status.value}"
            raise BadInput(said) from error

    with _store(config) as store:
        store.apply(request_id, step)
    click.echo(f"{request_id} is queued")


@requests_group.command("cancel")
@click.argument("request_id", metavar="REQUEST")
@click.pass_obj
def requests_cancel(config: Path | None, request_id: str) -> None:
    """Stop REQUEST; where a worker is busy with it, that stops within seconds."""
    from bot.requests import IllegalTransition, RequestStatus

    with _store(config) as store:
        try:
            request = store.request_cancel(request_id, "cancelled from the command line")
        except IllegalTransition as error:
            status = store.get_request(request_id).status.value
            raise BadInput(f"{request_id} cannot be cancelled: it is {status}") from error
    ended = request.status is RequestStatus.CANCELLED
    click.echo(f"{request_id} {'is cancelled' if ended else 'is told to stop'}")


@contextmanager
def _store(config: Path | None) -> Iterator[Store]:
    from bot import settings as configuration
    from bot.store import open_store

    with open_store(configuration.load(config).database.store_url()) as store:
        yield store


def _pool(config: Path | None, named: str) -> tuple[FunctionSpec, dict[str, Any], Pool]:
    """The pool of a file, or the kept one of that id."""
    from engine import poolfile
    from engine.spec import FunctionSpec

    if Path(named).is_file():
        header, pool = poolfile.load(Path(named))
        return (
            FunctionSpec.from_json(header["spec"]),
            {key: header[key] for key in _HEADER if key in header},
            pool,
        )
    with _store(config) as store:
        kept = store.get_pool(named)
        return kept.spec, kept.about, store.load_pool(named)


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
