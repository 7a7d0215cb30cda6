"""The ways in which models spoil a right solution: one function per kind of damage.

Each takes a random generator and the source of a right module, and returns the spoilt text, or None
where this source offers nothing to spoil in this way. Damage to the syntax is only counted where it
breaks the syntax: a text that still parses is another program, and no cleaner may touch it.
"""

from __future__ import annotations

import ast
import io
import random
import re
import tokenize
from collections.abc import Callable

from engine.cleanup.syntax import compiles

Damage = Callable[[random.Random, str], str | None]

DAMAGES: dict[str, Damage] = {}


def kind(function: Damage) -> Damage:
    DAMAGES[function.__name__] = function
    return function


def body_lines(code: str) -> range:
    """Line indices of the last function's body behind its docstring."""
    function = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)][-1]
    first = function.body[0]
    skip = (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and len(function.body) > 1
    )
    return range(function.body[1 if skip else 0].lineno - 1, function.end_lineno or 1)


def breaking(rng: random.Random, attempts: list[str]) -> str | None:
    """One of the attempts that do not parse."""
    rng.shuffle(attempts)
    return next((attempt for attempt in attempts if compiles(attempt) is not None), None)


def without(code: str, row: int, column: int, length: int) -> str:
    lines = code.split("\n")
    lines[row] = lines[row][:column] + lines[row][column + length :]
    return "\n".join(lines)


def tokens_of(code: str) -> list[tokenize.TokenInfo]:
    body = body_lines(code)
    return [
        token
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.start[0] - 1 in body
    ]


@kind
def dropped_colon(rng: random.Random, code: str) -> str | None:
    lines = code.split("\n")
    return breaking(
        rng,
        [
            without(code, row, len(line.rstrip()) - 1, 1)
            for row, line in enumerate(lines)
            if line.rstrip().endswith(":")
            and re.match(r"\s*(def|if|for|while|else|elif|with|try)\b", line)
        ],
    )


@kind
def shifted_line(rng: random.Random, code: str) -> str | None:
    attempts = []
    for row in body_lines(code):
        lines = code.split("\n")
        line = lines[row]
        if not line.strip():
            continue
        width = len(line) - len(line.lstrip())
        for shift in (-4, -3, -2, -1, 1, 2, 3, 4):
            if width + shift >= 0:
                lines[row] = " " * (width + shift) + line.lstrip()
                attempts.append("\n".join(lines))
    return breaking(rng, attempts)


@kind
def dedented_body(rng: random.Random, code: str) -> str | None:
    lines = code.split("\n")
    for row in body_lines(code):
        lines[row] = lines[row].removeprefix("    ")
    return "\n".join(lines)


@kind
def dedented_block(rng: random.Random, code: str) -> str | None:
    lines = code.split("\n")
    attempts = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.For | ast.If | ast.While):
            spoilt = list(lines)
            for row in range(node.body[0].lineno - 1, node.body[-1].end_lineno or 1):
                spoilt[row] = spoilt[row].removeprefix("    ")
            attempts.append("\n".join(spoilt))
    return breaking(rng, attempts)


@kind
def dropped_closer(rng: random.Random, code: str) -> str | None:
    closers = [token.start for token in tokens_of(code) if token.string in {")", "]", "}"}]
    return breaking(rng, [without(code, row - 1, column, 1) for row, column in closers])


@kind
def extra_closer(rng: random.Random, code: str) -> str | None:
    attempts = []
    for token in tokens_of(code):
        if token.string in {")", "]", "}"}:
            lines = code.split("\n")
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column] + token.string + lines[row - 1][column:]
            attempts.append("\n".join(lines))
    return breaking(rng, attempts)


@kind
def wrong_closer(rng: random.Random, code: str) -> str | None:
    attempts = []
    for token in tokens_of(code):
        if token.string in {")", "]", "}"}:
            lines = code.split("\n")
            row, column = token.start
            other = rng.choice([mark for mark in ")]}" if mark != token.string])
            lines[row - 1] = lines[row - 1][:column] + other + lines[row - 1][column + 1 :]
            attempts.append("\n".join(lines))
    return breaking(rng, attempts)


@kind
def dropped_quote(rng: random.Random, code: str) -> str | None:
    attempts = []
    for token in tokens_of(code):
        if (
            token.type == tokenize.STRING
            and token.start[0] == token.end[0]
            and token.string[:1] in "'\""
        ):
            if token.string[:3] in {'"""', "'''"}:
                continue
            attempts.append(without(code, token.start[0] - 1, token.start[1], 1))
            attempts.append(without(code, token.end[0] - 1, token.end[1] - 1, 1))
    return breaking(rng, attempts)


@kind
def unterminated_docstring(rng: random.Random, code: str) -> str | None:
    positions = [match.start() for match in re.finditer(r'"""|\'\'\'', code)]
    if len(positions) < 2:
        return None
    end = positions[-1]
    return code[:end] + code[end + 3 :]


@kind
def cut_line(rng: random.Random, code: str) -> str | None:
    attempts = []
    for row in body_lines(code):
        lines = code.split("\n")
        text = lines[row].strip()
        if len(text) > 3:
            lines[row] = lines[row].rstrip()[: -rng.randint(1, max(1, len(text) // 2))]
            attempts.append("\n".join(lines))
    return breaking(rng, attempts)


@kind
def missing_import(rng: random.Random, code: str) -> str | None:
    tree = ast.parse(code)
    drop = {
        row
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for row in range(node.lineno - 1, node.end_lineno or node.lineno)
    }
    if not drop:
        return None
    return "\n".join(line for row, line in enumerate(code.split("\n")) if row not in drop)


@kind
def duplicated_line(rng: random.Random, code: str) -> str | None:
    lines = code.split("\n")
    rows = [row for row in body_lines(code) if lines[row].strip()]
    row = rng.choice(rows)
    return "\n".join([*lines[: row + 1], *lines[row:]])


@kind
def stray_english(rng: random.Random, code: str) -> str | None:
    lines = code.split("\n")
    row = rng.choice([row for row in body_lines(code) if lines[row].strip()])
    width = rng.choice([0, len(lines[row]) - len(lines[row].lstrip())])
    sentence = rng.choice(
        [
            "Now we compute the result.",
            "Then, we go on with the rest of it",
            "This is the important step:",
        ]
    )
    return breaking(rng, ["\n".join([*lines[:row], " " * width + sentence, *lines[row:]])])


@kind
def other_language(rng: random.Random, code: str) -> str | None:
    swaps = [
        (r"\belif\b", "else if"), (r" and ", " && "), (r" or ", " || "),
        (r"\bnot (?=\w)", "!"), (r"(?m)(\w)$", r"\1;"), (r"(\w) \+= 1$", r"\1++"),
    ]  # fmt: skip
    attempts = []
    lines = code.split("\n")
    body = body_lines(code)
    for pattern, replacement in swaps:
        for row in body:
            spoilt = re.sub(pattern, replacement, lines[row])
            if spoilt != lines[row]:
                attempts.append("\n".join([*lines[:row], spoilt, *lines[row + 1 :]]))
    return breaking(rng, attempts)
