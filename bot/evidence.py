"""The words for what speaks for a code: in a pull request's body and in the answer to `explain`."""

from __future__ import annotations

from bot.markdown import code, table
from bot.proof import Counts, Matrix, Proof, Sampling
from engine.selection import Choice

_MARKS = {True: "✓", False: "✗", None: "·"}


def score_lines(proof: Proof) -> list[str]:
    """A list of what the score is made of."""
    return [
        f"- **Score {proof.score:.2f}** (threshold {proof.threshold:.2f}).",
        *choice_lines(proof.choice),
        f"- The shipped test passes on the code in {proof.confirmed_s:.2f} s, and each of its asserts"
        " fails on the stub.",
        _judge_line(proof),
    ]


def choice_lines(choice: Choice) -> list[str]:
    """A list of what execution says of a choice."""
    lines = [
        f"- **Execution {choice.evidence:.2f}**: it passes {choice.passed} of {choice.asserts} live"
        f" asserts, which expect {choice.values} different values.",
        f"- **Agreement**: {choice.votes} of {choice.votes_all} sampled codes do the same on all of"
        f" them; they have {choice.share:.0%} of all passes, each weighted by the code's likelihood.",
    ]
    if choice.given:
        hold = "the one holds" if choice.given == 1 else f"all {choice.given} hold"
        lines.append(f"- **Examples** in the docstring: {hold}.")
    if choice.logprob is not None:
        lines.append(
            f"- **Model**: mean log-probability of this code {choice.logprob:.2f} per token."
        )
    return lines


def _judge_line(proof: Proof) -> str:
    if proof.judge is None:
        return "- **Judge**: no readable score."
    alone = (
        f", {proof.judge_of_code:.2f} of the code alone" if proof.judge_of_code is not None else ""
    )
    says = (
        f"it counts with weight {proof.judge_weight:.2f} and can only lower the score"
        if proof.judge_weight
        else "its weight is 0, so this is shown and not obeyed"
    )
    return f"- **Judge {proof.judge:.2f}** of code and test{alone}: {says}."


def matrix_block(matrix: Matrix, *, rows: int, limit: int = 100) -> str:
    """The matrix as a table of at most `rows` rows, and its asserts, each in `limit` characters."""
    shown = matrix.rows[:rows]
    header = ["codes", "samples", *(str(n) for n in range(1, len(matrix.asserts) + 1))]
    lines = [
        ["**chosen**" if row.chosen else "other", str(row.votes), *(_MARKS[p] for p in row.passes)]
        for row in shown
    ]
    said = ["A row is a behaviour, a column an assert: ✓ passes, ✗ fails, · not run."]
    if len(matrix.asserts) > matrix.shipped:
        said.append(
            f"Asserts from {matrix.shipped + 1} on are not in the test: it has enough, or the codes are"
            " at odds over them."
        )
    if len(matrix.rows) > rows:
        said.append(f"{len(matrix.rows) - rows} more behaviours are not shown.")
    asserts = [f"{n}. {code(text, limit=limit)}" for n, text in enumerate(matrix.asserts, 1)]
    return "\n\n".join([table(header, lines), " ".join(said), "\n".join(asserts)])


def counts_line(counts: Counts) -> str:
    """How much was tried, in one sentence without its full stop."""
    improved = f", {counts.improved} of all by improving" if counts.improved else ""
    return (
        f"{counts.codes} codes ({counts.unique_codes} unique) and {counts.tests} tests"
        f" ({counts.asserts} unique asserts, {counts.live_asserts} live){improved};"
        f" {counts.pairs} pairs run, {counts.passing} passing"
    )


def sampling_line(sampling: Sampling) -> str:
    """How the model was asked, in one sentence without its full stop."""
    low, high = sampling.temperature
    heat = f"{low:.1f}" if round(low, 1) == round(high, 1) else f"{low:.1f} to {high:.1f}"
    told = (
        f"{sampling.asks} times, for {_range(sampling.replies)} replies each of at most"
        f" {_range(sampling.max_tokens)} tokens, at temperature {heat}"
    )
    if sampling.without:
        told += f"; some prompts without {', '.join(sampling.without)}"
    if sampling.small:
        told += f"; {sampling.small} replies by the smaller model"
    return told


def _range(ends: tuple[int, int]) -> str:
    low, high = ends
    return str(low) if low == high else f"{low} to {high}"
