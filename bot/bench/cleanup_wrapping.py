"""What models put around right code, and two kinds of damage at once."""

from __future__ import annotations

import random

from bot.bench.cleanup_damage import (
    DAMAGES,
    body_lines,
    dropped_closer,
    dropped_colon,
    dropped_quote,
    duplicated_line,
    kind,
    missing_import,
    shifted_line,
    stray_english,
)  # fmt: skip

__all__ = ["DAMAGES"]


@kind
def cut_end(rng: random.Random, code: str) -> str | None:
    extra = rng.choice(
        [
            "\n\ndef main():\n    numbers = [1, 2, 3]\n    for number in numbers:\n        print(numb",
            "\n\n# Test the function\nprint(solve([1, 2, 3",
            '\n\nif __name__ == "__main__":\n    import doc',
            '\n\ndef test_it():\n    """Test that the fun',
            "\n\nassert solve(1) == 2\nassert solve(",
        ]
    )
    return code.rstrip() + extra


@kind
def fenced_chatter(rng: random.Random, code: str) -> str | None:
    fence = rng.choice(["```", "~~~", "````"])
    info = rng.choice(["python", "py", "Python", "", "python3", "python title=answer.py"])
    before = rng.choice(
        [
            "Sure! Here is the function:\n\n",
            "Here's one way to do it.\n",
            "",
            "To solve this, use a loop:\n",
        ]
    )
    after = rng.choice(
        [
            "\n\nThis works because it checks each element.",
            "",
            "\n\nExample usage:\n\n- call it with a list",
        ]
    )
    return f"{before}{fence}{info}\n{code}\n{fence}{after}"


@kind
def bare_chatter(rng: random.Random, code: str) -> str | None:
    before = rng.choice(
        [
            "Sure, here is the code you asked for:\n\n",
            "The function below solves the problem.\n",
            "To solve this problem, we need to look at every element of the list.\nHere's how:\n\n",
            "Answer:\n",
        ]
    )
    after = rng.choice(
        [
            "\n\nThis function returns the right answer for every input.\nLet me know what you think!",
            "\n\nExplanation:\n1. First we go over the input.\n2. Then we return the result.\n",
            "\nI hope this helps.",
            "\n\nNote that the time complexity is O(n), where n is the length of the input.",
        ]
    )
    return before + code.rstrip() + after


@kind
def several_blocks(rng: random.Random, code: str) -> str | None:
    return (
        "First an example of how to call it:\n```python\nprint('hello')\n```\n"
        f"And here is the code:\n```python\n{code}\n```\nTests:\n```python\nassert True\n```\n"
    )


@kind
def unclosed_fence(rng: random.Random, code: str) -> str | None:
    return f"```python\n{code}\n\nprint('done')\n"


@kind
def repeated_prototype(rng: random.Random, code: str) -> str | None:
    row = body_lines(code).start
    head = "\n".join(code.split("\n")[:row])
    return f"```python\n{head}\n```python\n{code}\n```"


@kind
def tabs(rng: random.Random, code: str) -> str | None:
    lines = code.split("\n")
    for row in body_lines(code):
        if rng.random() < 0.5:
            width = len(lines[row]) - len(lines[row].lstrip())
            lines[row] = "\t" * (width // 4) + " " * (width % 4) + lines[row].lstrip()
    return "\n".join(lines)


@kind
def smart_punctuation(rng: random.Random, code: str) -> str | None:
    def curl(text: str, quote: str, left: str, right: str) -> str:
        parts = text.split(quote)
        return (
            "".join(part + (left if i % 2 == 0 else right) for i, part in enumerate(parts[:-1]))
            + parts[-1]
        )

    spoilt = curl(curl(code, '"', "“", "”"), "'", "‘", "’")
    if rng.random() < 0.5:
        spoilt = spoilt.replace(" - ", " – ")
    return spoilt if spoilt != code else None


@kind
def prefixed_lines(rng: random.Random, code: str) -> str | None:
    lines = code.rstrip().split("\n")
    width = len(str(len(lines)))
    shape = rng.choice(
        ["{n}: ", "{n:>{w}} | ", "{n}. ", "+", "+ ", "> ", "{n:0{w}}  ", "| ", "{n}\t"]
    )
    return "\n".join(shape.format(n=i + 1, w=width) + line for i, line in enumerate(lines))


@kind
def repl_transcript(rng: random.Random, code: str) -> str | None:
    out = []
    for line in code.rstrip().split("\n"):
        starts = line and not line[0].isspace() and line[0] not in ")]}"
        out.append((">>> " if starts else "... ") + line)
    return "\n".join([*out, "...", ">>> print('done')", "done"])


@kind
def invisible_characters(rng: random.Random, code: str) -> str | None:
    lines = code.split("\n")
    for row in range(len(lines)):
        if rng.random() < 0.4:
            lines[row] = rng.choice(
                [lines[row].replace("    ", "\u00a0   "), lines[row] + "\u200b"]
            )
    return "\ufeff" + "\r\n".join(lines)


@kind
def missing_body(rng: random.Random, code: str) -> str | None:
    return rng.choice(
        [
            code.rstrip() + "\n\ndef helper(x):\n",
            "def helper(x):\n\n" + code,
            code.rstrip() + "\n\nclass Helper:\n",
        ]
    )


@kind
def indented_reply(rng: random.Random, code: str) -> str | None:
    return "Here is the code:\n\n" + "\n".join(
        "    " + line if line else "" for line in code.split("\n")
    )


_SYNTAX = (
    dropped_colon, shifted_line, dropped_closer, dropped_quote, duplicated_line, missing_import,
    stray_english,
)  # fmt: skip
_WRAPPING = (
    fenced_chatter,
    bare_chatter,
    prefixed_lines,
    tabs,
    smart_punctuation,
    unclosed_fence,
    cut_end,
)


@kind
def two_kinds(rng: random.Random, code: str) -> str | None:
    first = rng.choice(_SYNTAX)(rng, code)
    if first is None:
        return None
    try:
        return rng.choice(_WRAPPING)(rng, first)
    except SyntaxError:
        return fenced_chatter(rng, first)


@kind
def undamaged(rng: random.Random, code: str) -> str | None:
    return code
