"""Every word that a user sees."""

from __future__ import annotations

import shlex

from bot.durations import format_duration
from bot.generate import Run, counts, status
from bot.score import Scores
from engine.candidates import Origin
from engine.progress import Progress
from engine.search import Exhausted, Solution
from engine.selection import Choice
from engine.verdicts import Isolation


def progress_facts(p: Progress) -> list[tuple[str, str]]:
    """The live display's rows: what, how much."""
    best = "none yet" if p.best is None else f"{p.best:.2f}"
    return [
        ("codes", f"{p.codes} sampled, {p.unique_codes} unique"),
        ("tests", f"{p.tests} sampled, {p.asserts} unique asserts, {p.live_asserts} live"),
        ("pairs", f"{p.pairs} run, {p.passing} passing"),
        ("best score", best),
        ("speed", f"{p.tokens_per_second:.0f} tokens/s"),
        ("budget left", format_duration(p.seconds_left)),
    ]


def progress_line(p: Progress) -> str:
    facts = "; ".join(f"{name} {text}" for name, text in progress_facts(p))
    return f"{p.stage}: {facts}"


_ISOLATION = {
    Isolation.SEPARATE: "code and test ran in two processes: only values crossed between them",
    Isolation.SHARED: "code and test shared a process, where a pass could be forged: weaker evidence",
}


def result_lines(result: Run) -> list[str]:
    """What came of a run, below the sources."""
    outcome = result.outcome
    lines: list[str]
    if isinstance(outcome, Solution):
        lines = [f"solved: score {outcome.score:.2f} in {format_duration(result.seconds)}"]
        lines += _evidence(outcome.choice)
        lines += [_judge(outcome)]
        confirmed = f"confirmed: the test file above passes in {outcome.confirmation.seconds:.2f} s"
        lines += [f"  {confirmed} in the sandbox, and each of its asserts fails on the stub"]
        lines += [f"  {_ISOLATION[outcome.confirmation.isolation]}"]
    elif isinstance(outcome, Exhausted):
        ended = {"out_of_time": "the time is up", "exhausted": "the budget of samples is spent"}
        why = ended.get(outcome.reason.value, outcome.reason.value)
        lines = [f"no solution: {why} after {format_duration(result.seconds)}"]
        if outcome.best is not None:
            lines += _evidence(outcome.best)
        else:
            lines += ["  no code passed any live assert"]
    else:
        lines = [f"stopped after {format_duration(result.seconds)}; nothing found so far is lost"]
    lines += _tried(result)
    if not isinstance(outcome, Solution):
        lines.append(f"go on from here with: {resume_command(result)}")
    return lines


def resume_command(result: Run) -> str:
    """The command that goes on with the pool of this run."""
    spec = result.spec
    if spec.module and spec.path != "stub.py":
        return f"supercharge generate {shlex.quote(f'{spec.path}::{spec.qualname}')} --resume"
    described = f" --description {shlex.quote(spec.description)}" if spec.description else ""
    return f"supercharge generate --prototype {shlex.quote(spec.prototype)}{described} --resume"


def _evidence(choice: Choice) -> list[str]:
    lines = [
        f"  evidence {choice.evidence:.2f}: passes {choice.passed} of {choice.asserts} live asserts;"
        f" {choice.votes} of {choice.votes_all} sampled codes agree with it on all of them"
        f" and have {choice.share:.0%} of all passes, by weight"
    ]
    if choice.given:
        lines.append(f"  all {choice.given} examples of the docstring hold")
    if choice.logprob is not None:
        lines.append(
            f"  the model's mean log-probability of this code is {choice.logprob:.2f} per token"
        )
    return lines


def _judge(solution: Solution) -> str:
    judgement, alone = solution.judgement, solution.code_judgement
    if judgement is None or judgement.score is None:
        return "  judge: no readable score"
    of_code = f", of the code alone {alone.score:.2f}" if alone and alone.score is not None else ""
    return f"  judge {judgement.score:.2f} of the pair{of_code} (by {judgement.method})"


def _tried(result: Run) -> list[str]:
    n = counts(result)
    improved = sum(
        1 for c in result.pool.candidates.values() if c.origin in (Origin.IMPROVED, Origin.REFINED)
    )
    seed = "" if result.seed is None else f", seed {result.seed}"
    lines = [
        f"  tried {n['codes']} codes ({n['unique_codes']} unique) and {n['tests']} tests"
        f" ({n['asserts']} unique asserts, {n['live_asserts']} live), {improved} of all by improving;"
        f" {n['pairs']} pairs run, {n['passing']} passing",
        f"  model {result.model}, {result.progress.tokens_per_second:.0f} tokens/s{seed}",
        f"  sandbox {result.sandbox}",
    ]
    lines += [f"  warning: {warning}" for warning in result.warnings]
    lines.append(f"  pool {result.pool_path} ({status(result)})")
    return lines


def score_lines(scores: Scores, most: int) -> list[str]:
    """What is to be known of a code base's scores, below their table."""
    lines = [f"skipped: {line}" for line in scores.skipped]
    if len(scores.scored) > most:
        lines.append(f"the worst {most} of {len(scores.scored)} functions; --json has them all")
    worth = (
        "judge.weight is 0: this judge has not been measured to know right from wrong"
        if scores.weight == 0
        else f"searches heed its word by judge.weight = {scores.weight:g}"
    )
    lines.append(f"judged by {scores.model}, without running anything; {worth}")
    return lines
