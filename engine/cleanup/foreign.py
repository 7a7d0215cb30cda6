"""Lines of other languages, of Python 2, of Markdown and of a hurried writer, as Python writes them."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator

from engine.cleanup.layout import Edit, stands_alone

_FOREIGN: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\belse\s+if\b|\belsif\b|\belseif\b", "elif"),
        (r"\s*&&\s*", " and "),
        (r"\s*\|\|\s*", " or "),
        (r"!(?=[\w(])", "not "),
        (r"===", "=="),
        (r"!==", "!="),
        (r"<>", "!="),
        (r"^(\s*[\w.\[\]]+)\s*(?::=|=:)\s*", r"\1 = "),
        (r"^(\s*(?:return\s+|[\w.]+\s*=\s*))(.+?)\s*\?\s*(.+?)\s+:\s+(.+)$", r"\1\3 if \2 else \4"),
        (r"^(\s*)(return|if|elif|while|for|assert|raise|yield|del)(?=\w)", r"\1\2 "),
        (r"=<", "<="),
        (r"=>", ">="),
        (r"(\w)\+\+", r"\1 += 1"),
        (r"(\w)--(?=\s*;?\s*$)", r"\1 -= 1"),
        (r";\s*$", ""),
        (r"^(\s*)(?:function|func|fn)\s+", r"\1def "),
        (r"^(\s*)(?:let|var|const|int|float)\s+(?=\w+\s*=)", r"\1"),
        (r"^(\s*(?:if|elif|while)\b.*?)\s+then\s*:?\s*$", r"\1:"),
        # The soft keyword of Python 3.12, where the interpreter is older.
        (r"^(\s*)type\s+(\w+)\s*=\s*", r"\1\2 = "),
        (r"\bnull\b|\bnil\b", "None"),
        (r"^(\s*)print\s+(?!\()(.+)$", r"\1print(\2)"),
        (r"^(\s*)raise\s+([\w.]+)\s*,\s*(.+)$", r"\1raise \2(\3)"),
        (r"^(\s*)except\s+([\w.]+)\s*,\s*(\w+)\s*:", r"\1except \2 as \3:"),
        (r"^(\s*(?:if|elif|while)\b.*[^=!<>:])=([^=].*:\s*)$", r"\1==\2"),
        (r"^(\s*)(.*?)\s*\{\s*$", r"\1\2:"),
        (r"(?:^|\s)//(?!\s*[\w.\[\]()]+\s*$).*$", ""),
        (r"\b0+(?=\d)", ""),
        (r"^(\s*)\d+[.):|]?\s(?=\S)", r"\1"),
        (r"^(\s*)[-+*>•|]\s?", r"\1"),
        (r"`+", ""),
        (r"\*\*(?=\w)|(?<=\w)\*\*", ""),
        (r"\\(?=\S)", ""),
        (
            r"^(\s*)((?!print|if|elif|while|for|with|except)[a-z_]\w*\([^()]*\)\s*(?:->[^:]*)?:)\s*$",
            r"\1def \2",
        ),
    )
)
_GLUED = re.compile(r"\b(if|for|in|not|and|or|is|else|return|elif|while|yield)([^\W\d]\w*)\b")
_WORD = re.compile(r"[^\W\d]\w*")
_LONE_EQUALS = re.compile(r"(?<![-+*/%&|^=!<>:])=(?!=)")
_TESTS = re.compile(r"\s*(?:return|assert|if|elif|while)\b|.*\b(?:if|for)\b")
"""Lines in which `=` may have been meant to compare."""

_REMARK = re.compile(r"(?<=\S)(?:\s{2,}|\s(?=<-|--))(?=[A-Za-z<-])")
_CAPITALS = re.compile(
    r"^(\s*)(Def|Class|Return|If|Elif|Else|For|While|Try|Except|Finally|With|Import|From|Raise|Pass"
    r"|Break|Continue|Assert)\b"
)


def foreign_edits(lines: list[str], at: int) -> Iterator[Edit]:
    """What other languages, Python 2 and Markdown write, as Python writes it."""
    for row in range(max(0, at - 1), min(len(lines), at + 2)):
        line = lines[row]
        if not line.strip():
            continue
        before, behind = lines[:row], lines[row + 1 :]
        small = _CAPITALS.sub(lambda match: match[0].lower(), line)
        if small != line:
            # Cheaper than to take the line for English, which does not become Python this way.
            yield Edit((*before, small, *behind), 0.3, "put into Python's words")
        gap = _REMARK.search(line)
        if gap is not None and not stands_alone(line[gap.end() :]):
            text = f"{line[: gap.start()]}  # {line[gap.end() :]}"
            yield Edit((*before, text, *behind), 0.7, "made a remark a comment")
        cost = 0.7 + 0.05 * abs(row - at)
        for text in _compared(line):
            yield Edit((*before, text, *behind), cost + 0.3, "made = a comparison")
        for text in _parted(line, lines):
            yield Edit((*before, text, *behind), cost - 0.1, "parted two words")
        for pattern, replacement in _FOREIGN:
            text = pattern.sub(replacement, line)
            if text != line:
                yield Edit((*before, text, *behind), cost, "put into Python's words")


def _compared(line: str) -> Iterator[str]:
    """`line` with one of its `=` as `==`, where it tests something."""
    if _TESTS.match(line):
        for match in itertools.islice(_LONE_EQUALS.finditer(line), 4):
            yield f"{line[: match.start()]}=={line[match.end() :]}"


def _parted(line: str, lines: list[str]) -> Iterator[str]:
    """`ifx` as `if x`, where `x` is a word of the text and `ifx` stands nowhere else."""
    matches = list(itertools.islice(_GLUED.finditer(line), 4))
    words = Counter(_WORD.findall("\n".join(lines))) if matches else Counter[str]()
    for match in matches:
        if words[match[0]] == 1 and words[match[2]]:
            yield f"{line[: match.end(1)]} {line[match.end(1) :]}"
