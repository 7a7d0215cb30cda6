"""What `supercharge generate` shows: live progress on stderr, the result on stdout."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import Progress
from rich.spinner import Spinner
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from bot import messages
from bot.generate import Run
from bot.score import Scores
from engine.progress import Progress as SearchProgress
from engine.search import Solution

PLAIN_EVERY_S = 5.0


class Display(Protocol):
    """Shows a run while it goes."""

    def stage(self, text: str) -> None: ...

    def progress(self, progress: SearchProgress) -> None: ...


@contextmanager
def display(title: str, console: Console) -> Iterator[Display]:
    """A live display on a terminal, else plain lines: one per stage, and one every few seconds."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    shown = _Live(title)
    with Live(shown, console=console, refresh_per_second=8, transient=True):
        yield shown


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ("", 0.0)

    def stage(self, text: str) -> None:
        self._print(text)

    def progress(self, progress: SearchProgress) -> None:
        stage, at = self._last
        if progress.stage != stage or time.monotonic() - at >= PLAIN_EVERY_S:
            self._last = (progress.stage, time.monotonic())
            self._print(messages.progress_line(progress))

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class _Live:
    def __init__(self, title: str) -> None:
        self._title = title
        self._progress: SearchProgress | None = None
        self._spinner = Spinner("dots", text="starting")

    def stage(self, text: str) -> None:
        self._spinner.update(text=text)

    def progress(self, progress: SearchProgress) -> None:
        self._progress = progress
        self._spinner.update(text=progress.stage)

    def __rich__(self) -> RenderableType:
        rows: list[RenderableType] = [self._spinner]
        if self._progress is not None:
            grid = Table.grid(padding=(0, 2))
            for label, value in messages.progress_facts(self._progress):
                grid.add_row(Text(label, style="dim"), Text(value))
            rows.append(grid)
        return Panel(Group(*rows), title=self._title, title_align="left", border_style="cyan")


def show_result(result: Run, console: Console) -> None:
    """The code, the test, the score and the evidence; or what was tried."""
    outcome = result.outcome
    if isinstance(outcome, Solution):
        _source("code", outcome.code, console)
        _source("test", outcome.test, console)
    elif outcome is not None and outcome.best is not None:
        best = result.pool.candidates[outcome.best.code_id].source
        _source("nearest, not good enough", best, console)
    for line in messages.result_lines(result):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _source(title: str, source: str, console: Console) -> None:
    text = source.strip("\n")
    if console.is_terminal:
        body = Syntax(text, "python", theme="ansi_dark", background_color="default")
        console.print(Panel(body, title=title, title_align="left", border_style="green"))
    else:
        console.print(f"# --- {title} ---\n{text}\n", markup=False, highlight=False, soft_wrap=True)


class Counter:
    """Counts up on a terminal; elsewhere each stage is a line."""

    def __init__(self, console: Console, progress: Progress | None) -> None:
        self._console = console
        self._progress = progress
        self._task = None if progress is None else progress.add_task("", total=None)

    def stage(self, text: str) -> None:
        if self._progress is None or self._task is None:
            self._console.print(text, markup=False, highlight=False)
        else:
            self._progress.update(self._task, description=text)

    def progress(self, done: int, of: int) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=of)


@contextmanager
def counter(console: Console) -> Iterator[Counter]:
    """Shows how far something has come, as long as it goes on."""
    if not console.is_terminal:
        yield Counter(console, None)
        return
    with Progress(console=console, transient=True) as progress:
        yield Counter(console, progress)


def show_scores(scores: Scores, most: int, console: Console) -> None:
    """The worst functions, what was left out, and what the opinion is worth."""
    table = Table(box=None, pad_edge=False)
    table.add_column("score", justify="right")
    table.add_column("function", overflow="fold")
    for scored in scores.scored[:most]:
        at = f"{scored.function.path}:{scored.function.line} {scored.function.qualname}"
        table.add_row("none" if scored.score is None else f"{scored.score:.2f}", Text(at))
    console.print(table)
    for line in messages.score_lines(scores, most):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
