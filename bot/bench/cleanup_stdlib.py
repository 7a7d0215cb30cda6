"""Does cleaning leave right code alone? `supercharge bench cleanup --stdlib`.

Every function and method of the standard library, and every module for one of its functions, is cleaned
as if a model had written it. What comes out must be the same tree, clean the same when it is cleaned
again, and still have every name that it reads.
"""

from __future__ import annotations

import ast
import random
import sysconfig
import textwrap
import time
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.bench.machine import machine
from engine.cleanup import clean
from engine.cleanup.names import ALWAYS_DEFINED, bound, used
from engine.cleanup.pipeline import MAX_TEXT
from engine.cleanup.repair import repair
from engine.cleanup.syntax import FunctionNode, compiles, is_shallow, parse

_QUICK_STEP = 50
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """A text that is right, and the function in it that is asked for."""

    place: str
    source: str
    entry_point: str


@dataclass(slots=True)
class Tally:
    """How many samples were cleaned, and what was found wrong with which."""

    samples: int = 0
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


def run(quick: bool = False, *, seed: int = 0) -> dict[str, Any]:
    """Clean all of the standard library; every 50th sample only where `quick`.

    `seed` chooses the function that each whole module is cleaned for. Returns per group the number of
    samples, the faults in words, and the longest time that one sample took.
    """
    paths = list(modules())
    groups = {
        "functions and methods": (sample for path in paths for sample in functions(path)),
        "whole modules": (sample for path in paths for sample in whole(path, seed)),
    }
    result: dict[str, Any] = {"bench": "cleanup-stdlib", "machine": machine(), "seed": seed}
    result["modules"] = len(paths)
    for name, samples in groups.items():
        tally = Tally()
        for number, sample in enumerate(samples):
            if not quick or number % _QUICK_STEP == 0:
                _measure(tally, sample)
        result[name] = {
            "samples": tally.samples,
            "faults": tally.faults,
            "slowest_s": tally.slowest_s,
        }
    return result


def _measure(tally: Tally, sample: Sample) -> None:
    tally.samples += 1
    started = time.perf_counter()
    tally.faults.extend(f"{sample.place}: {fault}" for fault in faults(sample))
    tally.slowest_s = max(tally.slowest_s, time.perf_counter() - started)


def report(result: dict[str, Any], console: Console) -> None:
    """The result as a table, then the first faults, one to a line."""
    table = Table(title="bench cleanup --stdlib", caption=result["machine"])
    for name in ("texts", "cleaned", "faults", "slowest"):
        table.add_column(name, justify="left" if name == "texts" else "right")
    groups = {name: row for name, row in result.items() if isinstance(row, dict)}
    for name, row in groups.items():
        table.add_row(
            name, str(row["samples"]), str(len(row["faults"])), f"{row['slowest_s']:.1f} s"
        )
    console.print(table)
    for row in groups.values():
        for fault in row["faults"][:_SHOWN]:
            console.print(fault, markup=False, highlight=False)


def faults(sample: Sample) -> Iterator[str]:
    """What cleaning did to `sample` that it must not do to right code."""
    if repair(sample.source) != sample.source:
        yield "repair touched it"
    result = clean(sample.source, entry_point=sample.entry_point)
    if not result.ok:
        yield "not ok"
        return
    if clean(result.source, entry_point=sample.entry_point).source != result.source:
        yield "cleaned differently the second time"
    before, after = parse(sample.source), parse(result.source)
    if not isinstance(before, ast.Module) or not isinstance(after, ast.Module):
        yield "does not parse"
        return
    if not set(_statements(after)) <= set(_statements(before)):
        yield "a statement was changed"
    lost = (used(after) & bound(before)) - bound(after) - ALWAYS_DEFINED
    if lost:
        yield f"{', '.join(sorted(lost))} went, and is read"


def _statements(tree: ast.Module) -> list[str]:
    """The top-level statements as text; imports are left out, since they may be added and split."""
    kept = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return [ast.dump(node) for node in kept]


def modules() -> Iterator[Path]:
    """The files of the running interpreter's standard library, its own tests left out."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if not {"site-packages", "test", "tests", "idle_test", "ensurepip"} & set(parts):
            yield path


def _read(path: Path) -> tuple[str, ast.Module] | None:
    try:
        with tokenize.open(path) as file:
            text = file.read()
    except (SyntaxError, UnicodeError):
        return None
    try:
        # Not `parse`, which refuses the longest of them.
        return text, ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def functions(path: Path) -> Iterator[Sample]:
    """The functions and methods of a file, each as a text of its own that compiles."""
    read = _read(path)
    if read is None:
        return
    lines = read[0].split("\n")
    pending: list[ast.stmt] = list(read[1].body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, FunctionNode):
            first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
            source = textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno])) + "\n"
            if compiles(source) is None:
                yield Sample(f"{path.name}:{node.lineno} {node.name}", source, node.name)
        elif isinstance(node, ast.ClassDef | ast.If | ast.Try):
            pending.extend(
                part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)
            )


def whole(path: Path, seed: int) -> Iterator[Sample]:
    """A whole file, for one of its top-level functions; files that cleaning cuts are left out."""
    read = _read(path)
    if read is None or len(read[0]) > MAX_TEXT or not is_shallow(read[1]):
        return
    names = sorted({node.name for node in read[1].body if isinstance(node, FunctionNode)})
    if names:
        name = random.Random(f"{seed}/{path.name}").choice(names)
        yield Sample(f"{path.name} for {name}", read[0], name)
