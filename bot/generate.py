"""`supercharge generate`: one stub, one search, here and now."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.interrupts import cancelled_by_ctrl_c
from bot.learning import Learning
from bot.models import model_names, open_configured, open_small
from bot.settings import Settings, spending_file, state_dir
from bot.spendingfile import SpendingFile
from bot.stubs import find_stubs, spec_from_prototype, spec_from_source
from bot.textfile import TextFile
from engine import poolfile, prompts, search
from engine.candidates import Kind, Pool, Tier
from engine.errors import BadInput, Cancelled
from engine.progress import Progress
from engine.sandbox import open_sandbox
from engine.search import Exhausted, Search, Solution
from engine.spec import FunctionSpec
from engine.tuning import Tuner


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to: a solution, an exhausted budget, or None when it was interrupted."""

    spec: FunctionSpec
    outcome: Solution | Exhausted | None
    pool: Pool
    pool_path: Path
    seconds: float
    model: str
    sandbox: str
    warnings: tuple[str, ...]
    seed: int | None
    progress: Progress


def spec_of_target(target: str) -> FunctionSpec:
    """The stub that `path/to/file.py::Class.method` names. Raises BadInput."""
    path, separator, qualname = target.partition("::")
    if not path.endswith(".py") and not separator:
        raise BadInput(f"{target!r} names no stub: write path/to/file.py::function")
    source = TextFile.read(Path(path)).text
    if not qualname:
        stubs = [stub.qualname for stub in find_stubs(source, path=path)]
        listed = ", ".join(f"{path}::{name}" for name in stubs) or "none"
        raise BadInput(f"{path}: name one function; its stubs are: {listed}")
    return spec_from_source(source, qualname, path=path)


def spec_of(target: str | None, prototype: str | None, description: str | None) -> FunctionSpec:
    """The spec that the command line asks for, one way or the other. Raises BadInput."""
    if target and prototype:
        raise BadInput("give a target or --prototype, not both")
    if target:
        if description:
            raise BadInput("--description goes with --prototype; a target has its docstring")
        return spec_of_target(target)
    if prototype:
        return spec_from_prototype(prototype, description or "")
    raise BadInput("name a stub, path/to/file.py::function, or give --prototype and --description")


def run(
    spec: FunctionSpec,
    settings: Settings,
    *,
    seed: int | None = None,
    resume: bool = False,
    wish: str = "",
    pools: Path | None = None,
    learning: AbstractContextManager[Learning] | None = None,
    observer: Callable[[Progress], None] = lambda progress: None,
    stage: Callable[[str], None] = lambda text: None,
) -> Run:
    """Search for a body of `spec`. An interrupt (Ctrl-C) ends it cleanly, with `outcome` None.

    `stage` is told what is being done before the search begins; pools are kept in the folder
    `pools`, by default that of the user's state. `learning` tunes the asks, unless a `seed` is to make
    the run repeatable, and is told what they brought. Raises BadInput, ModelUnavailable
    or SandboxUnavailable; the pool on disk holds all that was found by then.
    """
    started = time.monotonic()
    path, pool = _pool_for(spec, pools or state_dir() / "pools", resume=resume)
    cancel = threading.Event()
    last = Progress()

    def observe(progress: Progress) -> None:
        nonlocal last
        last = progress
        observer(progress)

    stage("opening the sandbox")
    with learning or nullcontext() as learnt, open_sandbox(settings.sandbox) as sandbox:
        stage("loading the model")
        ledger = SpendingFile(spending_file())
        model = open_configured(settings, ledger)
        small = open_small(settings, ledger)
        about = {"model": model_names(model, small), "prompts": prompts.fingerprint(), "seed": seed}
        with poolfile.PoolWriter(path, spec, **about) as writer:
            task = Search(
                spec=spec,
                model=model,
                sandbox=sandbox,
                budget=settings.budget(),
                settings=search.Settings(
                    seed=seed,
                    timeout_s=settings.search.timeout_s,
                    prompt_format=settings.search.prompt_format,
                    max_tokens=settings.search.max_tokens,
                    wish=wish,
                ),
                pool=pool,
                tuner=learnt.tuner(model) if learnt and seed is None else Tuner(),
                small=small,
                small_tuner=learnt.tuner(small) if learnt and small and seed is None else Tuner(),
                journal=writer.append,
                observer=observe,
                cancel=cancel,
            )
            outcome: Solution | Exhausted | None
            try:
                with cancelled_by_ctrl_c(cancel):
                    outcome = task.run()
            except (KeyboardInterrupt, Cancelled):
                outcome = None
            finally:
                model.close()
                if small:
                    small.close()
        if learnt and outcome:
            learnt.keep(model, task.outcomes())
            if small:
                learnt.keep(small, task.outcomes(Tier.SMALL))
        return Run(
            spec=spec,
            outcome=outcome,
            pool=task.pool,
            pool_path=path,
            seconds=time.monotonic() - started,
            model=model_names(model, small),
            sandbox=sandbox.description,
            warnings=sandbox.warnings,
            seed=seed,
            progress=last,
        )


def _pool_for(spec: FunctionSpec, folder: Path, *, resume: bool) -> tuple[Path, Pool]:
    """A new pool's path, or the newest kept pool of this very stub. Nothing is ever overwritten."""
    stem = f"{spec.qualname}-{spec.fingerprint}"
    kept = sorted(folder.glob(f"{stem}-*.jsonl"))
    if resume:
        if not kept:
            raise BadInput(f"there is no kept pool of {spec.qualname} as it stands now to resume")
        return kept[-1], poolfile.load(kept[-1])[1]
    number = int(kept[-1].stem.rpartition("-")[2]) + 1 if kept else 1
    return folder / f"{stem}-{number:04}.jsonl", Pool()


def status(result: Run) -> str:
    match result.outcome:
        case Solution():
            return "solved"
        case Exhausted(reason=reason):
            return reason.value
    return "interrupted"


def to_json(result: Run) -> dict[str, Any]:
    """All of it for machines; docs/design.md documents the fields."""
    outcome = result.outcome
    choice = None
    if isinstance(outcome, Solution):
        choice = outcome.choice
    elif isinstance(outcome, Exhausted):
        choice = outcome.best
    solved = outcome if isinstance(outcome, Solution) else None
    judged = solved.judgement if solved else None
    pool = result.pool
    return {
        "status": status(result),
        "function": result.spec.qualname,
        "path": result.spec.path,
        "code": solved.code if solved else None,
        "test": solved.test if solved else None,
        "score": round(solved.score, 4) if solved else None,
        "judge": asdict(judged) if judged else None,
        "evidence": asdict(choice) if choice else None,
        "isolation": solved.confirmation.isolation if solved else None,
        "best_code": pool.candidates[choice.code_id].source if choice else None,
        "counts": counts(result),
        "seconds": round(result.seconds, 2),
        "tokens_per_second": round(result.progress.tokens_per_second, 1),
        "model": result.model,
        "sandbox": result.sandbox,
        "warnings": list(result.warnings),
        "seed": result.seed,
        "pool": str(result.pool_path),
    }


def counts(result: Run) -> dict[str, int]:
    pool = result.pool
    verdicts = [pool.passes(*pair) for pair in pool.results]
    return {
        "codes": pool.samples(Kind.CODE),
        "unique_codes": len(pool.codes),
        "tests": pool.samples(Kind.TEST),
        "asserts": len(pool.tests),
        "live_asserts": len(pool.live_tests),
        "pairs": len(verdicts),
        "passing": sum(1 for passed in verdicts if passed),
        "tokens": result.progress.tokens,
    }


def write_json(result: Run, path: Path) -> None:
    try:
        path.write_text(json.dumps(to_json(result), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error}") from error
