"""Given a reply, when code is extracted, then the code is what is left."""
# ruff: noqa: E501 (tables of texts read best with one text to a line)

from __future__ import annotations

import html
import json

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
    "numbers in brackets": lines("[{n}] "),
    "numbers behind a letter": lines("L{n}: "),
    "quote marks twice": lines(">> "),
    "numbers and a tab": lines("{n}\t"),
    "diff marks": "@@ -1 +1 @@\n-old\n" + lines("+"),
    "diff marks and a space": lines("+ "),
    "quote marks": lines("> "),
    "a fence of tildes in a list": "- so:\n\n  ~~~ py\n" + lines("  ") + "\n  ~~~\n",
    "a fence with a file name": f"```python:app/f.py\n{CODE}```",
    "a fence with attributes only": f"``` {{.python .numberLines}}\n{CODE}```",
    "a fence on the definition's line": f"```python {CODE}```",
    "a fence in a fence": f"````md\n```python\n{CODE}```\n````",
    "a quoted fence": "> ```python\n" + lines("> ") + "\n> ```\n",
    "blocks of other languages": f"```bash\npip install x\n```\n```python\n{CODE}```\n```json\n[1]\n```",
    "the language's name alone": f"python\nCopy code\n{CODE}",
    "a label on its line": f"Answer: {CODE}",
    "a turn of a dialogue": f"[|Coder|]: {CODE}",
    "an end token": f"{CODE}<|im_end|>",
    "tags": f"<answer>\n{CODE}</answer>\n",
    "thoughts": f"<think>\nI def f(x): so\n</think>\n{CODE}",
    "HTML": f'<pre><code class="language-python">{html.escape(CODE)}</code></pre>\n<p>Done</p>',
    "breaks of HTML": CODE.replace("\n", "<br>\n"),
    "breaks for line feeds": CODE.replace("\n", "<br/>"),
    "colours of a terminal": CODE.replace("return", "\x1b[1;34mreturn\x1b[0m"),
    "a string of JSON with carriage returns": json.dumps(CODE.replace("\n", "\r\n"))[1:-1],
    "a notebook": json.dumps(
        {
            "cells": [
                {"cell_type": "markdown", "source": ["# A title"]},
                {"cell_type": "code", "source": CODE.splitlines(keepends=True)},
            ]
        }
    ),
    "cells in chatter": "Here:\n" + json.dumps([{"source": CODE}], indent=1),
    "JSON": json.dumps({"code": CODE, "why": "it's easy"}, indent=2),
    "line feeds written out": json.dumps(CODE)[1:-1],
    "headings and lists": f"## Approach\n\n1. **Test** it.\n\n### Code\n\n{CODE}\n### Complexity\n\n- Time: O(1)\n",
    "bullets": lines("- "),
    "inline code marks": "\n".join(f"`{line}`" for line in CODE.rstrip().split("\n")),
    "a hunk with context": "@@ -1,3 +1,5 @@\n "
    + lines(" ")[1:]
    .replace("\n     if", "\n+    if")
    .replace("\n         return", "\n+        return"),
    "a fence in the middle": CODE.replace("        return 1", "```\n        return 1"),
    "two blocks that make one function": "```python\n"
    + CODE.replace("    return 2", "```\nand last\n```python\n    return 2")
    + "```\n",
    "a carriage return": CODE.replace("\n", "\r") + "```",
    "a margin": "Here is the code:\n\n" + lines("    "),
    "CRLF": CODE.replace("\n", "\r\n") + "```\r\n",
    "a byte order mark": "\ufeff" + CODE + "```",
    "no-break spaces": f"```\n{CODE.replace('    ', chr(0xA0) * 4)}```",
    "zero-width spaces": f"```\n{CODE.replace('return', chr(0x200B) + 'return')}```",
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
def test_the_code_is_found_in(reply: str) -> None:
    assert extract(reply, entry_point="f").rstrip() == CODE.rstrip()


SESSIONS = {
    "at the prompt": ">>> " + lines("... ")[4:] + "\n...\n>>> f(1)\n1\n",
    "with a margin": "    >>> " + lines("    ... ")[8:] + "\n    >>> f(1)\n    1\n",
    "of IPython": "In [1]: " + lines("   ...: ")[8:] + "\n   ...:\n\nIn [2]: f(1)\nOut[2]: 1\n",
    "fenced": "```pycon\n>>> " + lines("... ")[4:] + "\n>>> f(1)\n1\n```\n",
}


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS.keys())
def test_a_session_gives_its_input_and_not_its_output(session: str) -> None:
    code = extract(session, entry_point="f")
    assert code.startswith(CODE)
    assert code.removeprefix(CODE).strip() == "f(1)"


def test_examples_in_a_docstring_are_not_a_session() -> None:
    code = 'def f(x):\n    """Add.\n\n    >>> f(1)\n    2\n    """\n    return x + 1\n'
    assert extract(f"```\n{code}```", entry_point="f") == code


def test_a_fence_inside_a_docstring_does_not_end_the_block() -> None:
    code = 'def f(x):\n    """Do.\n\n    ```\n    f(1)\n    ```\n    """\n    return x\n'
    assert extract(f"```python\n{code}```\nDone.", entry_point="f") == code


def test_a_reply_that_goes_on_from_the_prefilled_prototype_needs_no_fence_of_its_own() -> None:
    reply = (
        'def f(x):\n    """Say."""'
        + "\n    return x\n```\n\nIt works:\n\n```python\nprint(f(1))\n```"
    )
    assert extract(reply, entry_point="f") == 'def f(x):\n    """Say."""\n    return x\n'


def test_a_snippet_that_explains_a_finished_function_is_no_part_of_it() -> None:
    reply = f"```python\n{CODE}```\nHere\n```python\n    if x:\n        return 3\n```\ndecides.\n"
    assert extract(reply, entry_point="f") == CODE


@pytest.mark.parametrize(
    "code", ["x = 'a &lt; b'\ndef f():\n    return x\n", "lt = 1\ndef f(x):\n    return x &lt; 0\n"]
)
def test_entities_in_code_that_means_them_stay(code: str) -> None:
    assert extract(code, entry_point="f") == code
    assert extract(f"```\n{code}```\nDone.", entry_point="f") == code


def test_helpers_from_other_blocks_come_along() -> None:
    reply = (
        "```python\ndef g(x):\n    return x\n```\nand\n```python\ndef f(x):\n    return g(x)\n```\n"
    )
    code = extract(reply, entry_point="f")
    assert "def g" in code
    assert "def f" in code


def test_text_without_code_comes_back_without_an_error() -> None:
    assert "def" not in extract("I am sorry, I cannot help with that.", entry_point="f")
