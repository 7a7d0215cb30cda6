"""Given a reply, when code is extracted, then the code is what is left."""
# ruff: noqa: E501 (tables of texts read best with one text to a line)

from __future__ import annotations

import pytest

from engine.cleanup.extract import extract

CODE = 'def f(x):\n    """Say > and 1: here."""\n    if x:\n        return 1\n    return 2\n'


def lines(prefix: str) -> str:
    return "\n".join(
        prefix.format(n=i + 1) + line for i, line in enumerate(CODE.rstrip().split("\n"))
    )


REPLIES = {
    "nothing around it": CODE,
    "a fence": f"```python\n{CODE}```",
    "a fence without a language": f"```\n{CODE}```\nDone.",
    "a fence of tildes": f"Sure.\n~~~py\n{CODE}~~~\n",
    "four backticks and attributes": f"````python title=a.py\n{CODE}````\n",
    "a fence that never closes": f"```python\n{CODE}",
    "only the closing fence": f"{CODE}```\nThis returns 1 or 2.",
    "an indented fence": "1. Do it:\n   ```python\n"
    + "".join(f"   {line}\n" for line in CODE.splitlines())
    + "   ```\n",
    "two blocks, the second right": f"```python\nprint(1)\n```\nThen:\n```python\n{CODE}```\n",
    "a stub first": f'```python\ndef f(x):\n    """Say."""\n```\n```python\n{CODE}```\n',
    "chatter around it": f"Here is the function you asked for:\n\n{CODE}\nThis function returns 1 or 2.\n",
    "numbers and a bar": lines("{n} | "),
    "numbers and a colon": lines("{n}: "),
    "numbers and a point": lines("{n}. "),
    "numbers and a tab": lines("{n}\t"),
    "diff marks": "@@ -1 +1 @@\n-old\n" + lines("+"),
    "diff marks and a space": lines("+ "),
    "quote marks": lines("> "),
    "a margin": "Here is the code:\n\n" + lines("    "),
    "CRLF": CODE.replace("\n", "\r\n") + "```\r\n",
    "a byte order mark": "\ufeff" + CODE + "```",
    "no-break spaces": f"```\n{CODE.replace('    ', chr(0xA0) * 4)}```",
    "zero-width spaces": f"```\n{CODE.replace('return', chr(0x200B) + 'return')}```",
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
def test_the_code_is_found_in(reply: str) -> None:
    assert extract(reply, entry_point="f").rstrip() == CODE.rstrip()


def test_a_session_at_the_prompt_gives_its_input() -> None:
    session = ">>> def f(x):\n...     return x\n...\n>>> f(1)\n1\n"
    assert extract(session, entry_point="f").startswith("def f(x):\n    return x\n")


def test_examples_in_a_docstring_are_not_a_session() -> None:
    code = 'def f(x):\n    """Add.\n\n    >>> f(1)\n    2\n    """\n    return x + 1\n'
    assert extract(f"```\n{code}```", entry_point="f") == code


def test_helpers_from_other_blocks_come_along() -> None:
    reply = (
        "```python\ndef g(x):\n    return x\n```\nand\n```python\ndef f(x):\n    return g(x)\n```\n"
    )
    code = extract(reply, entry_point="f")
    assert "def g" in code
    assert "def f" in code


def test_text_without_code_comes_back_without_an_error() -> None:
    assert "def" not in extract("I am sorry, I cannot help with that.", entry_point="f")
