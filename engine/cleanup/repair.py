"""Mending syntax: every small edit near the fault is tried, and the most plausible result wins.

The search goes by levels. On each, all edits of the best texts so far are tried; as soon as some of
them parse, the level is finished and the result with the least cost of edits and the fewest stumbles
(`plausible`) is taken. Else the texts whose fault moved furthest for the least cost go to the next
level. Work is counted in characters parsed, so the same text ends the same way on any machine.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.cleanup.cuts import cut_edits
from engine.cleanup.familiar import familiarity, needless_brackets, needless_pairs
from engine.cleanup.layout import Edit, layout_edits
from engine.cleanup.lexer import scan
from engine.cleanup.plausible import stumbles
from engine.cleanup.regions import (
    Region,
    regions,
    top_names,
    without_broken_twins,
    without_cut_tail,
)
from engine.cleanup.syntax import (
    MAX_SOURCE,
    Fault,
    compiles,
    defined_names,
    is_shallow,
    parse,
    quiet,
)
from engine.cleanup.tokens import token_edits
from engine.cleanup.wholesale import wholesale_edits

MAX_LENGTH = 12_000
"""Longer regions are not searched: they lose what does not parse instead."""

MAX_BRACKETS = 25
"""Deeper nesting that does not parse is noise, and costs the parser a hundred times as much."""

MAX_LEVELS = 4
BEAM = 5
_BUDGET = 800_000
_JUDGED = 60
_CHEAP = 1.75
_WEIGHED = 30
_READABLE = 2
_HIDES = re.compile(
    "parenthesis .* does not match|unmatched|unterminated|invalid (?:character|non-)"
)
"""Faults of the tokenizer, which Python looks for in the whole text before it tells of any other."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A text after repair, and the edits in words."""

    code: str
    edits: tuple[str, ...]


@dataclass(slots=True)
class _Budget:
    """Characters that may still be parsed."""

    left: int

    def spend(self, text: str) -> bool:
        self.left -= len(text) + 200
        return self.left > 0


@dataclass(frozen=True, slots=True)
class _State:
    lines: tuple[str, ...]
    cost: float
    labels: tuple[str, ...]
    fault: Fault | None


def repair(code: str) -> str:
    """`code` with its syntax mended; code that parses comes back byte for byte.

    Where no mend is found within bounds, what parses of it comes back, or else the text as it was.
    """
    if isinstance(parse(code), ast.Module):
        return code
    return mend(code).code


@functools.lru_cache(maxsize=16)
def mend(code: str) -> Mended:
    """Repair `code` until it compiles: stricter than `repair`, for `return` outside a function too.

    The last results are remembered: a text that no search mends is met again when it is cleaned again.
    """
    if len(code) > MAX_SOURCE or compiles(code) is None:
        return Mended(code, ())
    budget = _Budget(_BUDGET)
    hopeless: set[tuple[str, ...]] = set()
    edits: list[str] = []
    if len(code) <= 4 * MAX_LENGTH:
        for shorter, label in (
            (without_broken_twins, "dropped a broken copy"),
            (without_cut_tail, "dropped a cut end"),
        ):
            trimmed = shorter(code)
            if trimmed != code:
                code = trimmed
                edits.append(label)
    for _ in range(6):
        fault = compiles(code)
        if fault is None:
            return Mended(code, tuple(edits))
        step = _mend_once(code, fault, budget, hopeless)
        if step is None:
            break
        code, labels = step
        edits.extend(labels)
    salvaged = _salvage(code)
    if salvaged is None:
        return Mended(code, tuple(edits))
    return Mended(salvaged, (*edits, "dropped what does not parse"))


def _mend_once(
    code: str, fault: Fault, budget: _Budget, hopeless: set[tuple[str, ...]]
) -> tuple[str, tuple[str, ...]] | None:
    """Mend the first broken region; wider regions are tried where narrow ones have no mend.

    `hopeless` has the lines of those that were searched in vain, and gets what is found to be so.
    """
    for region in regions(code, fault):
        if region.lines in hopeless or sum(map(len, region.lines)) > MAX_LENGTH:
            continue
        found = _search(region, budget)
        if found is not None:
            return region.joined(found.lines), found.labels
        hopeless.add(region.lines)
    return None


def _search(region: Region, budget: _Budget) -> _State | None:
    text = "\n".join(region.lines)
    fault = compiles(text)
    if fault is None or scan(list(region.lines)).deepest > MAX_BRACKETS:
        return None
    beam = [_State(region.lines, 0.0, (), fault)]
    seen = {text}
    solved: list[_State] = []
    for _ in range(MAX_LEVELS):
        found_before = bool(solved)
        open_states: list[_State] = []
        with quiet:
            for state in _next_level(beam, seen, budget):
                (solved if state.fault is None else open_states).append(state)
        # A dear edit alone is given one more level, in which two cheap ones may do better.
        if solved and (found_before or min(state.cost for state in solved) < _CHEAP):
            return _best(solved, region)
        if budget.left <= 0:
            break
        beam = _most_promising(open_states, region)
    return _best(solved, region) if solved else None


def _next_level(beam: list[_State], seen: set[str], budget: _Budget) -> Iterator[_State]:
    """Every text that is one edit away from one of `beam` and was not `seen`, while `budget` lasts."""
    for state in beam:
        for edit in _edits(state):
            text = "\n".join(edit.lines)
            if text in seen:
                continue
            seen.add(text)
            if not budget.spend(text):
                break
            labels = (*state.labels, edit.label)
            yield _State(edit.lines, state.cost + edit.cost, labels, compiles(text))


def _edits(state: _State) -> list[Edit]:
    lines = list(state.lines)
    at = min(max(0, _line(state) - 1), len(lines) - 1)
    scanned = scan(lines)
    edits = list(wholesale_edits(lines))
    edits.extend(token_edits(lines, at, scanned))
    edits.extend(layout_edits(lines, at, scanned))
    edits.extend(cut_edits(lines, at, scanned))
    return sorted(edits, key=lambda edit: edit.cost)


def _most_promising(states: list[_State], region: Region) -> list[_State]:
    """The texts to go on from; among those that promise most, the familiar ones first.

    A bracket or quote that does not close may hide faults before it, so that its line says little of
    how far the parser would get: two texts without such a fault are always among them.
    """
    chosen: list[_State] = []
    for group, size in ((states, BEAM), ([s for s in states if not _is_hidden(s)], _READABLE)):
        nearest = sorted(group, key=_promise)[:_WEIGHED]
        nearest.sort(key=lambda state: _promise(state) - familiarity(region.lines, state.lines))
        chosen += nearest[:size]
    return list({state.lines: state for state in chosen}.values())


def _promise(state: _State) -> float:
    """Less is better: what it cost, less how far the parser got."""
    return state.cost - 3.0 * _line(state) / (len(state.lines) + 1)


def _is_hidden(state: _State) -> bool:
    return state.fault is not None and _HIDES.search(state.fault.message) is not None


def _line(state: _State) -> int:
    """The line, from 1, that the parser got to; all of them where there is no fault."""
    return state.fault.line if state.fault else len(state.lines)


def _best(solved: list[_State], region: Region) -> _State:
    """The result with the least cost of edits and stumbles, less what is familiar in it."""
    solved.sort(key=lambda state: state.cost)
    wanted = top_names(region.lines)
    ranked: list[tuple[float, int, _State]] = []
    for state in solved[:_JUDGED]:
        tree = parse("\n".join(state.lines))
        if isinstance(tree, ast.Module) and is_shallow(tree):
            score = (
                state.cost + stumbles(tree, region.known) - familiarity(region.lines, state.lines)
            )
            score += needless_brackets(tree, state.lines) + needless_pairs(
                region.lines, state.lines
            )
            score += 0.8 * len(wanted - defined_names(tree))
            ranked.append((score, len(ranked), state))
    return min(ranked)[2] if ranked else solved[0]


def _salvage(code: str) -> str | None:
    """The longest run of whole lines from the start that compiles; None where none does."""
    lines = code.split("\n")
    spent = 0
    end = len(lines)
    while end > 0 and spent < 400_000:
        text = "\n".join(lines[:end])
        spent += len(text) + 200
        fault = compiles(text)
        if fault is None:
            return text if text.strip() else None
        end = min(end - 1, max(fault.line - 1, 0)) if fault.line < end else end - 1
    return None
