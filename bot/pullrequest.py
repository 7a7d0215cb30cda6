"""A pull request's title, body and commit message, from what is known of a solution. Pure.

What a model, a test or a repository has written is in a fence or a code span (`bot.markdown`), so it
makes no heading, no mention and no HTML. The body always fits: what matters least is left out first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.durations import format_duration
from bot.evidence import counts_line, matrix_block, sampling_line, score_lines
from bot.markdown import code, fenced, prose, table
from bot.proof import Proof
from bot.sanitize import hides_something, neutral, redact
from engine.llm.routing import SEPARATOR

MAX_BODY = 60_000
"""Characters; GitHub refuses more than 65,536."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """How many of the mutants of the code the shipped test killed."""

    killed: int
    mutants: int

    @property
    def score(self) -> float:
        return self.killed / self.mutants if self.mutants else 0.0


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asked: GitHub's login and the account's id, which its commit address has."""

    login: str
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PullReport:
    """All that the pull request tells.

    `closes` is an issue's number, `base_pull` that of the pull request whose branch it goes to. The
    pool's pairs ran beside the files of `commit`. `seconds` is the time of the searches, of all
    attempts together.
    """

    request_id: str
    path: str
    qualname: str
    test_path: str
    requester: Requester
    proof: Proof
    model: str
    seed: int | None
    seconds: float
    attempts: int
    sandbox: str
    pool_id: str
    commit: str = ""
    warnings: Sequence[str] = ()
    mutation: Mutation | None = None
    closes: int | None = None
    base_pull: int | None = None
    wish: str | None = None


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much is shown: characters of output and of the code (None: all), rows of the matrix."""

    output: int
    rows: int
    code: int | None = None


_LADDER = (
    _Detail(output=12_000, rows=8),
    _Detail(output=2_000, rows=8),
    _Detail(output=0, rows=8),
    _Detail(output=0, rows=3),
    _Detail(output=0, rows=0),
    _Detail(output=0, rows=0, code=20_000),
    _Detail(output=0, rows=0, code=4_000),
)
"""What is left out, step by step, until the body fits. The last one always does."""


def title(report: PullReport) -> str:
    return neutral(f"Implement {report.qualname} in {report.path}", limit=120)


def body(report: PullReport) -> str:
    """The body, under `MAX_BODY` characters."""
    pages = (_page(report, detail) for detail in _LADDER)
    return next(page for page in pages if len(page) < MAX_BODY)


def pull_marker(request_id: str) -> str:
    """The hidden line by which we know a pull request as ours, and for which request it is."""
    return f"<!-- supercharge:pull request={_word(request_id)} -->"


def commit_message(report: PullReport) -> str:
    """Subject, what was proved, and trailers for people and tools (git-interpret-trailers)."""
    choice = report.proof.choice
    told = (
        f"Written by supercharge: score {report.proof.score:.2f}, {choice.passed} asserts pass,\n"
        f"{choice.votes} of {choice.votes_all} sampled codes agree."
    )
    trailers = [
        ("Supercharge-Request", report.request_id),
        ("Supercharge-Score", f"{report.proof.score:.2f}"),
        ("Supercharge-Model", report.model),
        ("Supercharge-Pool", report.pool_id),
    ]
    lines = [f"{key}: {neutral(value, limit=100) or 'unknown'}" for key, value in trailers]
    lines += _co_author(report.requester)
    subject = neutral(f"Implement {report.qualname}", limit=72)
    return f"{subject}\n\n{told}\n\n" + "\n".join(lines) + "\n"


def _co_author(requester: Requester) -> list[str]:
    # A login that is none would forge an address or a trailer: better nobody than somebody else.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}(?:\[bot\])?", requester.login):
        return []
    address = f"{requester.id}+{requester.login}@users.noreply.github.com"
    return [f"Co-authored-by: {requester.login} <{address}>"]


def _page(report: PullReport, detail: _Detail) -> str:
    proof = report.proof
    sections = [
        ("Summary", _summary(report)),
        ("Function", fenced(proof.code, "python", limit=detail.code)),
        ("Judge score and evidence", _evidence(report, detail)),
        ("Test output", _output(proof, detail)),
        ("How it was made", _made(report)),
        ("Limits", _limits(report)),
        ("How to replay", _replay(report)),
        ("Commands", _COMMANDS),
    ]
    parts = [pull_marker(report.request_id), *(f"## {head}\n\n{text}" for head, text in sections)]
    return "\n\n".join(parts) + "\n"


def _summary(report: PullReport) -> str:
    choice = report.proof.choice
    lines = [
        f"Fills in {code(report.qualname)} in {code(report.path)}, and adds {code(report.test_path)}."
        " Apart from imports that it needs, nothing else changes."
        f" Asked for by {code(report.requester.login)}.",
        f"Score **{report.proof.score:.2f}** (threshold {report.proof.threshold:.2f}): {choice.passed}"
        f" asserts pass, {choice.votes} of {choice.votes_all} sampled codes agree.",
    ]
    if report.wish:
        lines.append(f"Improved as wished: {code(report.wish, limit=500)}")
    if report.base_pull is not None:
        lines.append(f"Goes into the branch of #{report.base_pull}.")
    if report.closes is not None:
        lines.append(f"Closes #{report.closes}")
    return "\n\n".join(lines)


def _evidence(report: PullReport, detail: _Detail) -> str:
    lines = score_lines(report.proof)
    if report.mutation is not None:
        m = report.mutation
        lines.append(
            f"- **Mutation score {m.score:.2f}**: the test notices {m.killed} of {m.mutants} ways to"
            " break the code."
        )
    if not detail.rows:
        return "\n".join([*lines, "- The code × test matrix is left out here: the page is full."])
    return "\n".join(lines) + "\n\n" + matrix_block(report.proof.matrix, rows=detail.rows)


def _output(proof: Proof, detail: _Detail) -> str:
    if not proof.output.strip():
        return "The test printed nothing."
    if not detail.output:
        return "Left out here: the page is full."
    return fenced(proof.output, "text", limit=detail.output, tail=True)


def _made(report: PullReport) -> str:
    counts = counts_line(report.proof.counts)
    seed = "not fixed" if report.seed is None else str(report.seed)
    attempts = f" in {report.attempts} attempts" if report.attempts > 1 else ""
    rows = [
        ["seed", seed],
        ["tried", counts],
        ["time", f"{format_duration(report.seconds)}{attempts}"],
        ["sandbox", code(report.sandbox)],
        ["request", code(report.request_id)],
        ["pool", code(report.pool_id)],
    ]
    if report.proof.sampling:
        rows.insert(1, ["asked", sampling_line(report.proof.sampling)])
    return table(["model", code(report.model)], rows)


def _limits(report: PullReport) -> str:
    alike = "Models" if SEPARATOR in report.model else "The same model"
    lines = [
        f"- {alike} wrote the code and the asserts. Where the description is silent, both can be"
        " wrong in the same way: read them as you would read a stranger's.",
        "- Only what the asserts call has run, in a sandbox without network. Speed, memory and other"
        " inputs were not looked at.",
    ]
    if report.mutation is None:
        lines.append("- How many faults the test would notice was not measured.")
    written = f"{report.proof.code}\n{report.proof.test}"
    if hides_something(written):
        lines.append(
            "- **Code or test has characters that cannot be seen**, which are not shown here either;"
            " look at them in the files."
        )
    if redact(written) != written:
        lines.append(
            "- **Code or test has what looks like a credential**, which is not shown here; look at it"
            " in the files."
        )
    lines += [f"- {prose(warning, limit=300)}" for warning in list(report.warnings)[:10]]
    return "\n".join(lines)


def _replay(report: PullReport) -> str:
    pool = _word(report.pool_id)
    there = f"supercharge pool export {pool} {pool}.jsonl"
    here = f"supercharge pool replay {pool}.jsonl --checkout ."
    if report.commit:
        here = f"git checkout {_word(report.commit)}\n{here}"
    return (
        "Every reply, cleaned candidate and verdict is kept. Whoever runs the bot can give you all of"
        f" it as one file:\n\n{fenced(there, 'sh', limit=300)}\n\n"
        "With that file, in a checkout of this repository, run every pair again and see that the same"
        f" code is chosen:\n\n{fenced(here, 'sh', limit=300)}"
    )


_COMMANDS = """\
Comment here, on a line of its own:

- `/supercharge improve "what should be better"` makes another version, as a new commit
- `/supercharge retry` goes on with the same pool; `retry fresh` starts from nothing
- `/supercharge explain` shows the evidence again
- `/supercharge help` shows all commands"""


def _word(text: str) -> str:
    """An id as a word that ends no comment and needs no quotes in a shell."""
    word = re.sub(r"[^A-Za-z0-9_.-]", "", redact(text))[:100].strip("-")
    return re.sub(r"-{2,}", "-", word) or "unknown"
