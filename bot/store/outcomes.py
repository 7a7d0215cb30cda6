"""What asks brought, by model: what the tuner learns from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, delete, func, insert, select

from bot.store.base import Part as StorePart
from bot.store.tables import outcomes
from engine.candidates import Kind
from engine.knobs import Knobs, Part
from engine.tuning import Outcome

MOST_KEPT = 4000
"""Outcomes kept per model: what is older counts for nothing by then."""


class Outcomes(StorePart):
    """Outcomes by the model, and its prompts, that they are of."""

    def add_outcomes(self, model: str, brought: Iterable[Outcome]) -> None:
        """Keep these, and forget the oldest beyond `MOST_KEPT`."""
        now = self._clock()
        rows = [{"at": now, "model": model, **_to_row(outcome)} for outcome in brought]
        if not rows:
            return
        mine = outcomes.c.model == model
        with self._database.writing() as connection:
            connection.execute(insert(outcomes), rows)
            newest = select(outcomes.c.number).where(mine).order_by(outcomes.c.number.desc())
            last = connection.scalar(newest.offset(MOST_KEPT).limit(1))
            if last is not None:
                connection.execute(delete(outcomes).where(mine, outcomes.c.number <= last))

    def outcomes_of(self, model: str) -> list[Outcome]:
        """All that is kept of a model, the oldest first."""
        query = select(outcomes).where(outcomes.c.model == model).order_by(outcomes.c.number)
        with self._database.reading() as connection:
            return [_from_row(row) for row in connection.execute(query)]

    def tuned_models(self) -> dict[str, int]:
        """The models of which there are outcomes, and how many."""
        models = outcomes.c.model
        query = select(models, func.count()).group_by(models).order_by(models)
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def drop_outcomes(self, model: str) -> int:
        """Forget all of a model's outcomes, so that it is asked as configured; how many there were."""
        with self._database.writing() as connection:
            return int(
                connection.execute(delete(outcomes).where(outcomes.c.model == model)).rowcount
            )


def _to_row(outcome: Outcome) -> dict[str, Any]:
    return {
        "kind": outcome.kind.value,
        "style": outcome.style,
        "temperature": outcome.knobs.temperature,
        "samples": outcome.knobs.samples,
        "max_tokens": outcome.knobs.max_tokens,
        "without": json.dumps(sorted(outcome.knobs.without)),
        "parts": json.dumps(sorted(outcome.parts)),
        "useful": outcome.useful,
        "replies": outcome.samples,
        "tokens": outcome.tokens,
        "seconds": outcome.seconds,
    }


def _from_row(row: Row[Any]) -> Outcome:
    return Outcome(
        kind=Kind(row.kind),
        style=row.style,
        knobs=Knobs(
            temperature=row.temperature,
            samples=row.samples,
            max_tokens=row.max_tokens,
            without=frozenset(Part(part) for part in json.loads(row.without)),
        ),
        parts=frozenset(Part(part) for part in json.loads(row.parts)),
        useful=row.useful,
        samples=row.replies,
        tokens=row.tokens,
        seconds=row.seconds,
    )
