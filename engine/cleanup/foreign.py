"""Lines of other languages, of Python 2, of Markdown and of a hurried writer, as Python writes them."""

from __future__ import annotations

import re
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
        (r"^(\s*)except\s+([\w.]+)\s*,\s*(\w+)\s*:", r"\1except \2 as \3:"),
        (r"^(\s*(?:if|elif|while)\b.*[^=!<>:])=([^=].*:\s*)$", r"\1==\2"),
        (r"^(\s*)(.*?)\s*\{\s*$", r"\1\2:"),
        (r"//.*$", ""),
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
        for pattern, replacement in _FOREIGN:
            text = pattern.sub(replacement, line)
            if text != line:
                yield Edit((*before, text, *behind), cost, "put into Python's words")
