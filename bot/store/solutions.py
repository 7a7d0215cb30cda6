"""A solution as JSON, without the pool that it came from."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine import poolfile
from engine.candidates import Pool
from engine.selection import Choice

if TYPE_CHECKING:
    from engine.search import Solution

_ENTRIES = ("judgement", "code_judgement", "confirmation")


def dump_solution(solution: Solution) -> str:
    entries = {name: getattr(solution, name) for name in _ENTRIES}
    return json.dumps(
        {
            "code": solution.code,
            "test": solution.test,
            "score": solution.score,
            "choice": asdict(solution.choice),
            **{name: entry and poolfile.to_json(entry) for name, entry in entries.items()},
        }
    )


def load_solution(text: str, pool: Pool) -> Solution:
    # The search's whole machinery comes with it, which only who opens pull requests needs.
    from engine.search import Solution

    kept: dict[str, Any] = json.loads(text)
    choice = kept["choice"]
    entries = {name: kept[name] and poolfile.from_json(kept[name]) for name in _ENTRIES}
    tuples = {key: tuple(choice[key]) for key in ("group", "tests")}
    return Solution(**{**kept, **entries, "choice": Choice(**{**choice, **tuples}), "pool": pool})
