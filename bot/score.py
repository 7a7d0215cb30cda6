"""`supercharge score`: what the judge thinks of every function of a code base, the worst first."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.models import open_configured
from bot.settings import Settings, spending_file
from bot.spendingfile import SpendingFile
from bot.stubs import bodies
from bot.textfile import TextFile
from engine.errors import BadInput
from engine.judge import judge_codes


@dataclass(frozen=True, slots=True)
class Function:
    """A function that has a body: where it is, and its source."""

    path: str
    line: int
    qualname: str
    source: str


@dataclass(frozen=True, slots=True)
class Scored:
    """What the judge said of a function, 0 to 1; None where it was too long or spoke unclearly."""

    function: Function
    score: float | None


@dataclass(frozen=True, slots=True)
class Scores:
    """All of them, the worst first and those without a score last; and who the judge was."""

    scored: tuple[Scored, ...]
    skipped: tuple[str, ...]
    """Files that could not be read as Python, each as one line that says why."""
    model: str
    weight: float
    """What the configuration lets this judge's word count, `judge.weight`."""


def run(
    path: Path,
    settings: Settings,
    *,
    progress: Callable[[int, int], None] = lambda done, of: None,
    stage: Callable[[str], None] = lambda text: None,
) -> Scores:
    """Judge every function at `path`, a file or a folder. Raises BadInput where there is none.

    Of a folder in a git checkout, what git ignores is left out; elsewhere hidden folders are.
    """
    functions, skipped = _functions(path)
    if not functions:
        raise BadInput("; ".join([f"{path} has no function with a body to score", *skipped]))
    stage("loading the model")
    model = open_configured(settings, SpendingFile(spending_file()))
    try:
        stage(
            "judging 1 function" if len(functions) == 1 else f"judging {len(functions)} functions"
        )
        codes = {str(number): function.source for number, function in enumerate(functions)}
        judged = []
        prompt_format = settings.search.prompt_format
        for judgement in judge_codes(model, codes, prompt_format=prompt_format):
            judged.append(Scored(functions[int(judgement.code_id)], judgement.score))
            progress(len(judged), len(functions))
        name = model.name
    finally:
        model.close()
    worst_first = sorted(judged, key=lambda s: (s.score is None, s.score or 0.0))
    return Scores(tuple(worst_first), tuple(skipped), name, settings.judge.weight)


def write_json(scores: Scores, path: Path) -> None:
    """All of it, for machines."""
    told = {
        "model": scores.model,
        "judge_weight": scores.weight,
        "functions": [
            {
                "path": scored.function.path,
                "line": scored.function.line,
                "qualname": scored.function.qualname,
                "score": scored.score,
            }
            for scored in scores.scored
        ],
        "skipped": list(scores.skipped),
    }
    path.write_text(json.dumps(told, indent=2) + "\n")


def _functions(path: Path) -> tuple[list[Function], list[str]]:
    found: list[Function] = []
    skipped = []
    for file in _files(path):
        try:
            source = TextFile.read(file).text
            found += [
                Function(str(file), body.line, body.qualname, body.source)
                for body in bodies(source, path=str(file))
            ]
        except BadInput as error:
            if file == path:
                raise
            skipped.append(str(error))
    return found, skipped


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise BadInput(f"there is no file or folder {path}")
    if not path.is_dir():
        yield path
        return
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard", "--", "*.py"],
        cwd=path,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        names = sorted(os.fsdecode(name) for name in listed.stdout.split(b"\0") if name)
        # What was deleted and not yet committed is still listed.
        yield from (path / name for name in names if (path / name).is_file())
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(files) if name.endswith(".py"))
