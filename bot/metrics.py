"""How the bot is doing, for machines and for its log. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bot.store.queries import Gauges


def exposition(gauges: Gauges) -> str:
    """The gauges in Prometheus' text format."""
    by_status = [(f'{{status="{s.value}"}}', n) for s, n in gauges.requests.items()]
    by_part = [(f'{{part="{part.value}"}}', n) for part, n in gauges.parked.items()]
    lines = [
        *_gauge("requests", "Requests by where they stand.", by_status),
        *_gauge("parked_requests", "Requests that wait for a part that is down.", by_part),
        *_gauge(
            "oldest_queued_seconds", "Longest wait for a worker.", [("", gauges.oldest_queued_s)]
        ),
        *_gauge("words_owed", "Ends that nobody was told of yet.", [("", gauges.words_owed)]),
        *_gauge("unhandled_deliveries", "Deliveries not handled yet.", [("", gauges.deliveries)]),
        *_gauge("pools", "Kept pools.", [("", gauges.pools)]),
    ]
    return "\n".join(lines) + "\n"


def one_line(gauges: Gauges) -> str:
    """What is under way, for the log; what is none is not mentioned."""
    open_ = [f"{n} {s.value}" for s, n in gauges.requests.items() if n and not s.is_end]
    parked = [f"{n} wait for {part.value}" for part, n in gauges.parked.items() if n]
    told = [*open_, *parked]
    if gauges.deliveries:
        told.append(f"{gauges.deliveries} deliveries to handle")
    if gauges.words_owed:
        told.append(f"{gauges.words_owed} to be told of")
    return ", ".join(told) or "nothing to do"


def _gauge(name: str, told: str, values: Iterable[tuple[str, float]]) -> Iterable[str]:
    yield f"# HELP supercharge_{name} {told}"
    yield f"# TYPE supercharge_{name} gauge"
    for labels, value in values:
        yield f"supercharge_{name}{labels} {value:g}"
