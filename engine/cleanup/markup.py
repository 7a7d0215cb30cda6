"""What replies are written in besides Markdown: HTML, JSON, and code on the line of its own label."""

from __future__ import annotations

import ast
import html
import json
import re

from engine.cleanup.names import undefined
from engine.cleanup.syntax import parse

_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#0?39|#x27|#34);")
_ENTITY_NAMES = frozenset({"lt", "gt", "amp", "quot", "apos", "nbsp"})
_START = r"(?=(?:async[ \t]+def|def|class)[ \t]+\w+[ \t]*[(:\[])"
_FENCED = re.compile(rf"^([ \t]*)(`{{3,}}|~{{3,}})[ \t]*(?:[\w+#.-]+[ \t]+)?{_START}", re.MULTILINE)
_LABELLED = re.compile(
    rf"^(?:(?=\S)[^\n'\"#()=]{{0,60}}[:>\]`]|(?:<[a-z]+[^<>\n]{{0,80}}>)+)[ \t]*{_START}",
    re.MULTILINE,
)
_CLOSING_TAGS = re.compile(r"(?:</(?:code|pre|answer)>)+[ \t]*$", re.MULTILINE)
_END_TOKEN = re.compile(
    r"<\|(?:im_end|end|endoftext|end_of_text|eot_id|eot)\|>|</s>|<\|im_start\|>\w*"
)
_BREAK = re.compile(r"[ \t]*<br[ \t]*/?>(?:\n|$)?")
_BREAKS = 3
"""So many `<br>` at the ends of lines are how the text was set, not a part of what it says."""

_JSON_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_ESCAPED = re.compile(r"(?:\b|\\n)def \w+\([^\n]*:[ ]*(?:#[^\n]*)?(?:\\r)?\\n")
_ESCAPE = re.compile(r"\\([nrt\"'\\])")
_MEANS = {"n": "\n", "r": "", "t": "\t"}


def is_escaped_html(text: str) -> bool:
    """Whether `text` parses only because `x &lt; 0` is `x & lt` and then ` 0`."""
    if _ENTITY.search(text) is None:
        return False
    tree = parse(text)
    return isinstance(tree, ast.Module) and bool(undefined(tree) & _ENTITY_NAMES)


def without_entities(text: str) -> str:
    """`&lt;` and its like as the characters that they stand for."""
    return _ENTITY.sub(lambda match: html.unescape(match[0]).replace("\xa0", " "), text)


def before_end_token(text: str) -> str:
    """The first turn of `text` that defines something: models go on talking to themselves."""
    turns = _END_TOKEN.split(text)
    return next((turn for turn in turns if re.search(r"\bdef |\bclass ", turn)), text)


def on_lines_of_its_own(text: str) -> str:
    """A definition behind a fence, a tag or a label, such as `Answer: def f(x):`, on its own line."""
    text = _FENCED.sub(r"\1\2\n\1", text)
    labelled = _LABELLED.sub(lambda match: match[0].rstrip() + "\n", text)
    return _CLOSING_TAGS.sub("", labelled) if labelled != text else text


def without_breaks(text: str) -> str:
    """Lines that end with HTML's `<br>`, or have it for their line feed, as lines."""
    return _BREAK.sub("\n", text) if len(_BREAK.findall(text)) >= _BREAKS else text


def _cells(text: str) -> str | None:
    """The code cells of a Jupyter notebook, or of its list of cells or lines, that define something."""
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=None)
    if start is None or '"source"' not in text:
        return None
    try:
        read, _ = json.JSONDecoder().raw_decode(text[start:])
    except (ValueError, RecursionError):
        return None
    cells = read.get("cells", [read]) if isinstance(read, dict) else read
    sources = [cell.get("source") for cell in cells if isinstance(cell, dict)]
    written = [
        "".join(map(str, source)) if isinstance(source, list) else str(source) for source in sources
    ]
    code = [
        source for source in written if "def " in source and isinstance(parse(source), ast.Module)
    ]
    return "\n\n".join(code) + "\n" if code else None


def without_escapes(text: str) -> str:
    r"""Code written as one line with `\n` in it: a string of JSON, or the whole reply."""
    if "\\n" not in text:
        return text
    cells = _cells(text)
    if cells is not None:
        return cells
    for match in _JSON_STRING.finditer(text):
        if "\\n" in match[0] and "def " in match[0]:
            try:
                decoded = json.loads(match[0])
            except ValueError:
                continue
            if isinstance(parse(decoded), ast.Module):
                return str(decoded)
    if _ESCAPED.search(text):
        return _ESCAPE.sub(lambda match: _MEANS.get(match[1], match[1]), text)
    return text
