"""What the daemon answers in comments: outcomes, evidence, configuration and help. Pure.

Every reply is safe to post as it is, and none has a line that `bot.commands` reads as a command, so the
bot never answers itself. Refusals are in `bot.refusals`, the status comment in `bot.statuscomment`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from bot.commands import CommandError
from bot.durations import format_duration
from bot.evidence import choice_lines, counts_line, matrix_block, score_lines
from bot.issueform import IssueProblem
from bot.markdown import code, details, fenced, prose, sentence, table
from bot.proof import Proof, Tried
from bot.refusals import CONFIG_PATH
from bot.repoconfig import RepoConfig
from bot.statuscomment import moment
from bot.yamlfile import Problem

MAX_CODE = 20_000
"""Most characters of code or test in a comment."""


def solved(path: str, qualname: str, proof: Proof, *, pull_number: int) -> str:
    """The end that everybody wants."""
    choice = proof.choice
    return (
        f"{_stub(path, qualname)} is filled in: #{pull_number}, score **{proof.score:.2f}**"
        f" ({choice.passed} asserts pass, {choice.votes} of {choice.votes_all} sampled codes agree)."
    )


def improved(path: str, qualname: str, proof: Proof) -> str:
    """A new commit on a pull request of ours."""
    stub = _stub(path, qualname)
    return f"There is a new version of {stub} as a new commit, score **{proof.score:.2f}**."


def dry_run(path: str, qualname: str, proof: Proof) -> str:
    """The result, and nothing pushed."""
    head = f"{_stub(path, qualname)} is solved; nothing was pushed, since this was a dry run."
    return "\n\n".join([head, *_result(proof)])


def fork_offer(path: str, qualname: str, proof: Proof) -> str:
    """The code for a pull request from a fork."""
    head = (
        f"{_stub(path, qualname)} is solved. This pull request comes from a fork, and I never push to"
        " one: it is somebody else's repository. Here is the code to copy."
    )
    return "\n\n".join([head, *_result(proof)])


def not_solved(path: str, qualname: str, tried: Tried, *, attempts: int) -> str:
    """All attempts are spent."""
    times = "one attempt" if attempts <= 1 else f"{attempts} attempts"
    return "\n\n".join(
        [
            f"{_stub(path, qualname)} is not solved after {times}. {_tried(tried)}",
            *_nearest(tried),
            f"The pool is kept: {code('/supercharge retry')} goes on with it,"
            f" {code('/supercharge retry fresh')} starts from nothing. A docstring that says more, best"
            " with examples, helps most.",
        ]
    )


def waiting(path: str, qualname: str, tried: Tried, *, until: datetime, left: int) -> str:
    """Not solved yet; `left` more attempts come by themselves."""
    more = "once more" if left == 1 else f"up to {left} times more"
    return "\n\n".join(
        [
            f"{_stub(path, qualname)} is not solved yet. {_tried(tried)}",
            *_nearest(tried),
            f"I try again {more}, next at {moment(until)}, with all that was found so far."
            f" {code('/supercharge cancel')} stops that.",
        ]
    )


_OUTAGES = {
    "model": "the model does not answer",
    "sandbox": "the sandbox does not work",
    "database": "the database does not answer",
    "github": "GitHub does not answer",
    "disk": "the disk is full",
}


def parked(path: str, qualname: str, part: str, *, until: datetime) -> str:
    """A part is down: the model, sandbox, database, github or disk. It costs no attempt."""
    return (
        f"{_stub(path, qualname)} has to wait: {_OUTAGES.get(part, 'a part is down')}. Nothing is lost;"
        f" I go on by myself, next at {moment(until)}."
    )


def cancelled(path: str, qualname: str, *, by: str) -> str:
    return (
        f"{_stub(path, qualname)} is cancelled, as {code(by)} asked. What was found is kept:"
        f" {code('/supercharge retry')} goes on with it."
    )


def internal_error(path: str, qualname: str, *, error_id: str) -> str:
    return (
        f"{_stub(path, qualname)} failed by an internal error, {code(error_id)}: whoever runs me finds"
        f" it under that id in the log. What was found is kept: {code('/supercharge retry')} goes on"
        " with it."
    )


def command_error(error: CommandError) -> str:
    said = sentence(error.message)
    return f"I cannot read that: {said} {code('/supercharge help')} shows what I can."


def explain(path: str, qualname: str, proof: Proof) -> str:
    """The evidence for a chosen code."""
    return "\n\n".join(
        [
            f"Why I chose this code for {_stub(path, qualname)}:",
            "\n".join([*score_lines(proof), f"- **Tried**: {counts_line(proof.counts)}."]),
            matrix_block(proof.matrix, rows=8),
        ]
    )


def explain_unsolved(path: str, qualname: str, tried: Tried) -> str:
    """The evidence so far, where it is not enough."""
    head = f"{_stub(path, qualname)} is not solved. {_tried(tried)}"
    lines = choice_lines(tried.best) if tried.best else []
    return "\n\n".join([head, *(["\n".join(lines)] if lines else []), *_nearest(tried)])


def config_errors(problems: Sequence[Problem]) -> str:
    """What is wrong with the repository's configuration, line by line."""
    shown = [f"- line {p.line}: {prose(p.message)}" for p in problems[:20]]
    if len(problems) > len(shown):
        shown.append(f"- and {len(problems) - len(shown)} more")
    where = f"{code(CONFIG_PATH)} on the default branch"
    return f"{where} has mistakes, so I do nothing until it is mended:\n\n" + "\n".join(shown)


def show_config(config: RepoConfig, *, is_from_file: bool) -> str:
    """Every key with the value in force."""
    source = (
        f"From {code(CONFIG_PATH)} on the default branch"
        if is_from_file
        else f"There is no {code(CONFIG_PATH)} on the default branch, so these are the defaults"
    )
    rows: list[list[str]] = []
    for field in fields(config):
        value = getattr(config, field.name)
        if hasattr(value, "__dataclass_fields__"):
            names = [f.name for f in fields(value)]
            rows += [[code(f"{field.name}.{n}"), _value(n, getattr(value, n))] for n in names]
        else:
            rows.append([code(field.name), _value(field.name, value)])
    return f"{source}; {code('null')} leaves it to the server.\n\n{table(['key', 'value'], rows)}"


def issue_problem(problem: IssueProblem) -> str:
    """What an issue lacks, with the form to fill in."""
    return "\n\n".join(
        [
            f"I cannot tell what to fill in: {sentence(problem.message)}",
            "Edit the issue so that it has this, then set the label again:",
            fenced(_ISSUE_EXAMPLE, "markdown"),
        ]
    )


_ISSUE_EXAMPLE = '''\
### File

src/shop/cart.py

### Stub

```python
def total(prices: list[float]) -> float:
    """Return the sum of all prices.

    >>> total([1, 2.5])
    3.5
    """
    ...
```

### What it should do

Whatever the docstring does not say.'''


def help_text(label: str) -> str:
    """All commands, and where they work."""
    return "\n\n".join(
        [
            "I write the body of stub functions, and prove it by running every generated code against"
            " every generated test. Comment, on a line of its own:",
            fenced(_COMMANDS, "text"),
            "\n".join(
                [
                    "- On a pull request this is about every stub that it adds or touches; on a line of"
                    " its diff, the stub there; on an issue, the fenced stub in its body (the label"
                    f" {code(label)} does the same).",
                    "- The answer is a draft pull request with its evidence; it goes into the pull"
                    " request's own branch, or from an issue into the default branch.",
                    "- `improve` works on a pull request that I have opened.",
                    f"- {code(CONFIG_PATH)} on the default branch: who may ask, and what I may write.",
                ]
            ),
        ]
    )


_COMMANDS = """\
/supercharge                              fill what this is about
/supercharge path/to/file.py::Class.func  fill this stub
    candidates=N tests=N                  ask for so many codes and tests at most
    threshold=0.8                         the score that is good enough, 0 to 1
    budget=20m                            the time that it may take
    base=branch                           the branch to open the pull request against
    dry-run                               show the result, push nothing
/supercharge improve "what to change"     another version, by your words
/supercharge retry                        go on with the same pool; retry fresh: from nothing
/supercharge cancel                       stop what runs or waits here
/supercharge status                       where it stands
/supercharge explain                      why this code was chosen
/supercharge config                       the configuration in force
/supercharge help                         this"""


def _stub(path: str, qualname: str) -> str:
    return f"{code(qualname, limit=120)} in {code(path)}"


def _result(proof: Proof) -> list[str]:
    return [
        "\n".join(score_lines(proof)),
        fenced(proof.code, "python", limit=MAX_CODE),
        details("The test", fenced(proof.test, "python", limit=MAX_CODE)),
    ]


def _tried(tried: Tried) -> str:
    best = (
        f"the best score was {tried.best.evidence:.2f}, and {tried.threshold:.2f} is wanted"
        if tried.best
        else "no code passed any live assert"
    )
    return f"I tried {counts_line(tried.counts)}; {best}."


def _nearest(tried: Tried) -> list[str]:
    if not tried.nearest:
        return []
    block = fenced(tried.nearest, "python", limit=MAX_CODE)
    return [details("The nearest code, which is not good enough", block)]


def _value(name: str, value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(code(str(item)) for item in value[:20]) or "none"
    if name == "backoff" and isinstance(value, float):
        return code(format_duration(value))
    if value is None or isinstance(value, bool):
        return code("null" if value is None else str(value).lower())
    return code(str(value))
