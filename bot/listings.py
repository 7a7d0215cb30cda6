"""What `supercharge pool` and `supercharge requests` print, as lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.replay import Replay
from bot.requests import Options, Request
from engine.candidates import Kind, Pool
from engine.knobs import Knobs
from engine.selection import choose
from engine.spec import FunctionSpec
from engine.tuning import Tuner

if TYPE_CHECKING:
    from bot.store.pools import PoolSummary
    from bot.store.requests import Attempt, StatusChange

_MOST_DIFFERENCES = 20


def printable(text: str) -> str:
    """One line of a text that others wrote: what a terminal would obey becomes a question mark."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Columns as wide as what is in them, under their names."""
    lines = [[*head], *([printable(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    padded = ("  ".join(c.ljust(w) for c, w in zip(x, widths, strict=True)) for x in lines)
    return [line.rstrip() for line in padded]


def when(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def pool_list(pools: Sequence[PoolSummary]) -> list[str]:
    if not pools:
        return ["no pool is kept"]
    rows = [
        (p.id, when(p.updated_at), p.size, _target(p.spec), p.about.get("model", "")) for p in pools
    ]
    return table(("POOL", "GREW (UTC)", "ENTRIES", "FUNCTION", "MODEL"), rows)


def tuning_list(tuners: Mapping[str, Tuner]) -> list[str]:
    """What pays best by now, a line for each kind of ask of each model."""
    rows = [
        (
            kind.value,
            style,
            round(record.all.asks),
            f"{record.configured.rate:.3f}",
            f"{record.all.rate:.3f}",
            _said_of(tuner.best((kind, style))),
            model,
        )
        for model, tuner in tuners.items()
        for (kind, style), record in sorted(tuner.records.items())
    ]
    if not rows:
        return ["nothing is learnt yet: asks are as configured"]
    head = ("KIND", "STYLE", "ASKS", "CONFIGURED/S", "USEFUL/S", "BEST BY NOW", "MODEL")
    return table(head, rows)


def _said_of(knobs: Knobs) -> str:
    said = [f"temperature {knobs.temperature:+.1f}"] if knobs.temperature else []
    said += [f"samples × {knobs.samples:g}"] if knobs.samples != 1 else []
    said += [f"max_tokens × {knobs.max_tokens:g}"] if knobs.max_tokens != 1 else []
    said += [f"without {part.value}" for part in sorted(knobs.without)]
    return ", ".join(said) or "as configured"


def pool_lines(
    spec: FunctionSpec, about: dict[str, Any], pool: Pool, *, min_asserts: int
) -> list[str]:
    """One pool: what was sampled, what was run, what it speaks for."""
    verdicts = [pool.passes(*pair) for pair in pool.results]
    said = ", ".join(f"{key} {value}" for key, value in about.items() if value not in (None, []))
    lines = [
        f"function  {_target(spec)}",
        f"made by   {said or 'unknown'}",
        f"codes     {pool.samples(Kind.CODE)} sampled, {len(pool.codes)} unique",
        f"tests     {pool.samples(Kind.TEST)} sampled, {len(pool.tests)} unique asserts,"
        f" {len(pool.live_tests)} live",
        f"pairs     {len(verdicts)} run, {sum(v is True for v in verdicts)} passing,"
        f" {sum(1 for _ in pool.untested_pairs())} owed",
    ]
    choice = choose(pool, min_asserts=min_asserts)
    if choice is None:
        return [*map(printable, lines), "best      no code passed any live assert"]
    best = (
        f"evidence {choice.evidence:.2f}, passes {choice.passed} of {choice.asserts} live asserts"
    )
    lines.append(f"best      {best}; {choice.votes} of {choice.votes_all} sampled codes agree")
    source = pool.candidates[choice.code_id].source.strip("\n")
    return [*map(printable, lines), "", *map(printable, source.split("\n"))]


def replay_lines(replay: Replay) -> list[str]:
    """What came of running a pool again."""
    differing = len(replay.differences)
    lines = [
        f"  {printable(d.pair[0])} × {printable(d.pair[1])}: {d.kept.value} became"
        f" {d.now.value if d.now else 'nothing: it did not run'}"
        for d in replay.differences[:_MOST_DIFFERENCES]
    ]
    if differing > _MOST_DIFFERENCES:
        lines.append(f"  and {differing - _MOST_DIFFERENCES} more")
    matrix = f"{differing} ended differently" if differing else "the same matrix"
    chosen = "the same choice" if replay.same_choice else "another choice"
    if replay.kept_choice is None and replay.choice is None:
        chosen = "no choice, as before"
    return [f"{replay.pairs} pairs run again: {matrix}, {chosen}", *lines]


def request_list(requests: Sequence[Request]) -> list[str]:
    if not requests:
        return ["no request"]
    head = ("REQUEST", "MADE (UTC)", "STATUS", "BY", "WHERE", "FUNCTION", "REASON")
    return table(head, [(
        r.id, when(r.created_at), r.status.value, r.requester, _where(r), r.target, r.reason[:60],
    ) for r in requests])  # fmt: skip


def request_lines(
    request: Request, history: Sequence[StatusChange], attempts: Sequence[Attempt]
) -> list[str]:
    """One request with all that happened to it."""
    r = request
    facts = {
        "request": r.id,
        "function": r.target,
        "where": _where(r),
        "asked by": f"{r.requester}, by {r.trigger.kind.value} {r.trigger.id}",
        "options": _options(r.options),
        "status": f"{r.status.value}{f': {r.reason}' if r.reason else ''}",
        "error": r.error_id,
        "goes on": when(r.retry_at),
        "waits for": r.parked.value if r.parked else None,
        "attempts": r.attempts or None,
        "expires": when(r.expires_at),
        "pool": r.pool_id,
        "pull request": r.pull_number,
    }
    lines = [f"{name:<13} {printable(str(fact))}" for name, fact in facts.items() if fact]
    happened = [
        (when(c.at), c.old.value if c.old else "", c.new.value, c.worker or "", c.reason)
        for c in history
    ]
    lines += ["", *table(("WHEN (UTC)", "FROM", "TO", "WORKER", "REASON"), happened)]
    if attempts:
        turns = [
            (when(a.started_at), when(a.ended_at), a.worker, a.ended_as.value if a.ended_as else "")
            for a in attempts
        ]
        lines += ["", *table(("BEGAN (UTC)", "ENDED (UTC)", "WORKER", "AS"), turns)]
    return lines


def _options(options: Options) -> str:
    given = {field.name: getattr(options, field.name) for field in fields(options)}
    return " ".join(f"{k}={v}" for k, v in given.items() if v is not None and v is not False)


def _where(request: Request) -> str:
    return f"{request.repository}#{request.subject.number}"


def _target(spec: FunctionSpec) -> str:
    return f"{spec.path}::{spec.qualname}" if spec.path else spec.qualname
