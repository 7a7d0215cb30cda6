"""Formats that replies come in besides plain Markdown, and slips of copying; `DAMAGES` has all kinds.

These kinds were thought up after cleaning had been built against the others, to see whether it had
learnt only those. It had: it saved 36 % of them when it first met them, against 96 % of the others.
"""

from __future__ import annotations

import html
import json
import random
import re
import textwrap
import tokenize

from bot.bench.cleanup_damage import (
    body_lines,
    breaking,
    kind,
    tokens_of,
    unterminated_docstring,
    without,
)
from bot.bench.cleanup_wrapping import DAMAGES

__all__ = ["DAMAGES"]


@kind
def html_page(rng: random.Random, code: str) -> str | None:
    page = f'<p>Solution</p>\n<pre><code class="language-python">{html.escape(code)}</code></pre>\n'
    return rng.choice([page, f"Here it is:\n```python\n{html.escape(code)}\n```"])


@kind
def json_reply(rng: random.Random, code: str) -> str | None:
    reply = json.dumps({"thought": "easy", "code": code}, indent=rng.choice([None, 2]))
    return rng.choice([reply, f"Here:\n{reply}", json.dumps(code)[1:-1]])


@kind
def bullets(rng: random.Random, code: str) -> str | None:
    return textwrap.indent(code.rstrip(), rng.choice(["- ", "* ", "• "]), lambda line: True)


@kind
def label_on_its_line(rng: random.Random, code: str) -> str | None:
    return rng.choice(["Answer: ", "Python: ", "[|Coder|]: ", "```python ", "```"]) + code.lstrip()


@kind
def language_line(rng: random.Random, code: str) -> str | None:
    return rng.choice(["python", "Python code:", "Copy code", "python\nCopy code"]) + "\n" + code


@kind
def quoted_in_chatter(rng: random.Random, code: str) -> str | None:
    quoted = textwrap.indent(code.rstrip(), "> ", lambda line: True)
    return f"Here you go:\n\n{quoted}\n\nHope that helps!"


@kind
def split_blocks(rng: random.Random, code: str) -> str | None:
    lines = code.rstrip().split("\n")
    row = rng.choice(body_lines(code))
    between = rng.choice(["```", "```\nThen:\n```python", "```python"])
    return "\n".join(["```python", *lines[:row], between, *lines[row:], "```"])


@kind
def ipython_session(rng: random.Random, code: str) -> str | None:
    shown = textwrap.indent(code.rstrip(), "   ...: ", lambda line: True)
    return f"In [1]: {shown[8:]}\n   ...: \n\nIn [2]: f(1)\nOut[2]: 1"


@kind
def hunk(rng: random.Random, code: str) -> str | None:
    lines, start = code.rstrip().split("\n"), body_lines(code).start
    marked = [*(f" {line}" for line in lines[:start]), *(f"+{line}" for line in lines[start:])]
    marked.insert(start, "-    pass")
    return "\n".join(["```diff", "--- a/x.py", "+++ b/x.py", "@@ -1,3 +1,9 @@", *marked, "```"])


@kind
def thoughts(rng: random.Random, code: str) -> str | None:
    thought = "<think>\nI need to def f(x): and return it.\nfor each x we loop\n</think>\n\n"
    return thought + rng.choice([f"```python\n{code}\n```", code])


@kind
def output_behind(rng: random.Random, code: str) -> str | None:
    shown = ["print(f([1]))\n\nOutput:\n[1, 2]\nTrue", "Output:\n```\n3\n```", "# Output: 3\n>>> 3"]
    return f"{code.rstrip()}\n\n{rng.choice(shown)}"


@kind
def repeated_reply(rng: random.Random, code: str) -> str | None:
    return code.rstrip() + "\n" + code[: rng.randint(len(code) // 2, len(code))]


@kind
def docstring_cut_in_chatter(rng: random.Random, code: str) -> str | None:
    spoilt = unterminated_docstring(rng, code)
    return f"Sure!\n```python\n{spoilt}\n```\nThis works." if spoilt else None


@kind
def unopened_docstring(rng: random.Random, code: str) -> str | None:
    marks = [match.start() for match in re.finditer(r'"""|\'\'\'', code)]
    return breaking(rng, [code[: marks[-2]] + code[marks[-2] + 3 :]]) if len(marks) > 1 else None


@kind
def lost_line_feed(rng: random.Random, code: str) -> str | None:
    lines = code.rstrip().split("\n")
    attempts = [code.rstrip() + "def helper(x):\n    return x\n"]
    for row in body_lines(code)[:-1]:
        if lines[row].strip() and lines[row + 1].strip():
            glued = lines[row] + rng.choice(["", " ", "    "]) + lines[row + 1].strip()
            attempts.append("\n".join([*lines[:row], glued, *lines[row + 2 :]]))
    return breaking(rng, attempts)


@kind
def wrapped_line(rng: random.Random, code: str) -> str | None:
    lines = code.split("\n")
    for row in body_lines(code):
        column = lines[row].rfind(" ", 30, 60)
        if len(lines[row]) > 60 and column > 0:
            lines[row] = lines[row][:column] + "\n" + lines[row][column + 1 :]
    return breaking(rng, ["\n".join(lines)])


@kind
def missing_comma(rng: random.Random, code: str) -> str | None:
    commas = [token.start for token in tokens_of(code) if token.string == ","]
    return breaking(rng, [without(code, row - 1, column, 1) for row, column in commas])


@kind
def dropped_quote_and_closer(rng: random.Random, code: str) -> str | None:
    attempts = []
    for token in tokens_of(code):
        row, column = token.end
        following = code.split("\n")[row - 1][column : column + 1]
        if token.type == tokenize.STRING and token.start[0] == row and following in {")", "]"}:
            attempts.append(without(code, row - 1, column - 1, 2))
    return breaking(rng, attempts)


@kind
def missing_def(rng: random.Random, code: str) -> str | None:
    at = code.rindex("def ")
    return breaking(rng, [code[:at] + code[at + len("def ") :]])


@kind
def capital_keyword(rng: random.Random, code: str) -> str | None:
    lines = code.split("\n")
    attempts = []
    for row in body_lines(code):
        match = re.match(r"(\s*)(return|if|for|while|else|elif)\b", lines[row])
        if match:
            line = match[1] + match[2].capitalize() + lines[row][match.end() :]
            attempts.append("\n".join([*lines[:row], line, *lines[row + 1 :]]))
    return breaking(rng, attempts)


@kind
def trailing_remark(rng: random.Random, code: str) -> str | None:
    lines = code.split("\n")
    row = rng.choice([row for row in body_lines(code) if lines[row].strip()])
    lines[row] += rng.choice(["  this is the main step", "  <- important", "  // add them"])
    return breaking(rng, ["\n".join(lines)])


@kind
def braces(rng: random.Random, code: str) -> str | None:
    lines = code.split("\n")
    for row in body_lines(code):
        if re.match(r"\s*(if|for|while|else|elif)\b.*:\s*$", lines[row]):
            lines[row] = lines[row].rstrip()[:-1] + " {"
    return breaking(rng, ["\n".join(lines)])


@kind
def narrower_from_here(rng: random.Random, code: str) -> str | None:
    """From some line on, blocks are indented by two columns instead of four."""
    lines, body = code.split("\n"), body_lines(code)
    for row in range(rng.choice(body), body.stop):
        text = lines[row].lstrip()
        lines[row] = " " * ((len(lines[row]) - len(text)) // 2) + text
    return breaking(rng, ["\n".join(lines)])
