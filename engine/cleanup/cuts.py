"""Lines that stop in the middle: what they leave open is closed, a name cut short is completed."""

from __future__ import annotations

import ast
import builtins
import functools
import keyword
import re
from collections import Counter
from collections.abc import Iterator

from engine.cleanup.layout import COMPOUND, Edit
from engine.cleanup.lexer import CLOSER, Scan, scan
from engine.cleanup.names import undefined
from engine.cleanup.syntax import parse

_NAME_AT_END = re.compile(r"[^\W\d]\w*$")
_WORD = re.compile(r"[^\W\d]\w*")
_WANTS_VALUE = re.compile(r"(?:[-+*/%<>(]|\b(?:in|and|or|not)|[<>=!]=)$")
_SETS = re.compile(r"\bdef \w+\((.*?)\)|^\s*(?:for\s+)?([\w, ]+?)\s*(?:\bin\b|=(?!=))")
_STEPS = re.compile(r"(\s*[\w.\[\]]+ ([-+*]))=?$")
_METHOD = re.compile(r"(\s*(\w+))\.(\w*)$")
_LOOP = re.compile(r"(?P<loop>(?:^\s*|[^\w\s\"']\s*|\w\s+)for\s+(?P<name>\w+))(?P<into>\s+in?)?$")
_BARE_FOR = re.compile(r"([(\[{])([^()\[\]{}]*(?:\([^()]*\)[^()\[\]{}]*)*)\bfor$")
_TAIL = re.compile(r"(?:\w+|[^\w\s])\s*(?:[^\w\s]+|\w+)\s*$")
_ECHOES = 3
_SHORTEST_TAIL = 2
_NUMBERS = frozenset({"i", "j", "k", "idx", "index"})
_EMPTY = r"(?:\[\]|\{\}|''|\"\"|-?\d+|None|(?:list|set|dict|str)\(\))"
_GUESSES = 6
_CALLED = frozenset(
    (
        "range",
        "len",
        "sorted",
        "reversed",
        "enumerate",
        "list",
        "set",
        "sum",
        "min",
        "max",
        "abs",
        "str",
        "int",
    )
)
_KNOWN = frozenset(dir(builtins)) | frozenset(keyword.kwlist)


def cut_edits(lines: list[str], at: int, scanned: Scan) -> Iterator[Edit]:
    """The lines near `at` closed where they stop: quotes, brackets, colon."""
    rows = {row for row, _ in scanned.unclosed[-2:]} | set(scanned.stray[:1])
    rows |= set(range(max(0, at - 1), min(len(lines), at + 1)))
    for row in sorted(rows):
        if row >= len(lines) or scanned.inside[row] or not lines[row].strip():
            continue
        for text, cost in _ends(lines, row):
            closed = _closed(text)
            if closed is not None and closed != lines[row]:
                yield Edit((*lines[:row], closed, *lines[row + 1 :]), cost, "closed a cut line")


def _ends(lines: list[str], row: int) -> Iterator[tuple[str, float]]:
    line = lines[row].rstrip()
    yield line, 1.3
    shorter = re.sub(
        r"\s*(?:[-+*/%,.=<>&|^!:]+|\b(?:and|or|not|in|is|if|else|for|lambda))$", "", line
    )
    if shorter.strip() and shorter != line:
        # The colon of a header belongs behind what is closed, not into its string.
        yield shorter, 1.25 if line == shorter + ":" and COMPOUND.match(line) else 1.5
    yield from _idioms(lines, row, line)
    for rank, text in enumerate(_echoes(lines, row)):
        yield text, 1.3 + 0.03 * rank
    if _WANTS_VALUE.search(line):
        gap = "" if line.endswith(("(", "[")) else " "
        for rank, name in enumerate(_near_names(lines, row)):
            yield f"{line}{gap}{name}", 1.45 + 0.03 * rank
    for name in completions("\n".join((*lines[:row], *lines[row + 1 :])), line):
        text = _NAME_AT_END.sub(name, line)
        yield text, 1.2
        if name in _CALLED:
            for rank, argument in enumerate(_near_names(lines, row)[:2]):
                yield f"{text}({argument})", 1.25 + 0.03 * rank
                if name == "range":
                    yield f"{text}(len({argument}))", 1.35 + 0.03 * rank


def _idioms(lines: list[str], row: int, line: str) -> Iterator[tuple[str, float]]:
    """What most often follows where `line` was cut, by its form: a step, a loop, an `append`."""
    near = _near_names(lines, row)
    step = _STEPS.match(line)
    if step:
        if step[2] == "*":
            yield from ((f"{step[1]}= {name}", 1.4 + 0.03 * i) for i, name in enumerate(near[:2]))
        else:
            yield f"{step[1]}= 1", 1.3
    method = _METHOD.match(line)
    if method and "append".startswith(method[3]):
        for rank, name in enumerate([name for name in near if name != method[2]][:2]):
            yield f"{method[1]}.append({name})", 1.3 + 0.03 * rank
    loop = _LOOP.search(line)
    if loop and not keyword.iskeyword(loop["name"]):
        yield from _loops(lines, line[: loop.end("loop")], near, loop["name"])
    bare = _BARE_FOR.search(line)
    if bare:
        known = {*near, *_KNOWN}
        for item in [word for word in _WORD.findall(bare[2]) if word not in known][:1]:
            yield from _loops(lines, f"{line} {item}", near, item)
    if line.strip() and "else:".startswith(line.strip()):
        yield f"{line[: len(line) - len(line.lstrip())]}else:", 0.9


def _loops(lines: list[str], text: str, near: list[str], item: str) -> Iterator[tuple[str, float]]:
    """`for item` over what is near: the thing itself, or numbers where that is what `item` means."""
    whole = "\n".join(lines)
    reckons = item in _NUMBERS and re.search(rf"[-+*/%]\s*{item}\b|\b{item}\s*[-+*/%]", whole)
    by_number = 0.15 if reckons else -0.1
    names = [
        name
        for name in near
        if name != item and not re.search(rf"^\s*{name}\s*=\s*{_EMPTY}\s*$", whole, re.MULTILINE)
    ]
    for rank, name in enumerate(names[:3]):
        is_series = re.search(rf"\b{name}\[|\blen\({name}\)|\bin {name}\b", whole)
        yield f"{text} in {name}", 1.3 + 0.03 * rank
        yield f"{text} in range({name})", 1.35 - by_number + 0.03 * rank + 0.3 * bool(is_series)
        yield f"{text} in range(len({name}))", 1.4 - by_number + 0.03 * rank


def _echoes(lines: list[str], row: int) -> list[str]:
    """The line with the rest of others that have its last two tokens: `word[` goes on as `word[i]`."""
    line = lines[row].rstrip()
    tail = _TAIL.search(line)
    if tail is None or not re.search(r"\w", tail[0]) or len(tail[0]) < _SHORTEST_TAIL:
        return []
    found: list[str] = []
    pattern = re.compile(r"(?<!\w)" + re.escape(tail[0]))
    for other in sorted((*lines[:row], *lines[row + 1 :]), key=_is_example):
        for match in pattern.finditer(other):
            rest = other[match.end() :].rstrip()
            piece = re.match(r"\w*(?:\([^()]*\)|\[[^\[\]]*\]|[^()\[\]]*?[)\]])?", rest)
            found += [line + piece[0] if piece else line, line + rest]
    return [text for text in dict.fromkeys(found) if text != line][:_ECHOES]


def _is_example(line: str) -> bool:
    return line.lstrip().startswith(">>>")


def _near_names(lines: list[str], row: int) -> list[str]:
    """Names that the lines before `row` set, the nearest first: what the lost end may have named."""
    found: list[str] = []
    for line in reversed(lines[max(0, row - 30) : row]):
        for match in _SETS.finditer(line):
            found += reversed(
                _WORD.findall(re.sub(r":[^,]*|=[^,]*", "", match[1] or match[2] or ""))
            )
        if line.lstrip().startswith("def "):
            break
    return [name for name in dict.fromkeys(found) if not keyword.iskeyword(name)][:_GUESSES]


def _names(text: str) -> frozenset[str]:
    """The names of the code of `text`: what stands in its strings and comments is left out."""
    tokens = (token for line in scan(text.split("\n")).tokens for token in line)
    return frozenset(token.text for token in tokens if token.kind == "name")


def completions(text: str, line: str) -> list[str]:
    """Names, used elsewhere or Python's own, that the name at the end of `line` may have begun."""
    match = _NAME_AT_END.search(line)
    if match is None:
        return []
    words = Counter(_WORD.findall(text))
    begun = match[0]
    names = _names(text)
    if begun in names:
        return []
    own = [word for word, _ in words.most_common() if word.startswith(begun)]
    # What the code uses is likelier than what its docstring says.
    own.sort(key=lambda word: word not in names)
    general = [word for word in sorted(_KNOWN) if word.startswith(begun) and len(begun) > 1]
    return [word for word in (*own, *general) if word != begun][:3]


@functools.lru_cache(maxsize=1024)
def _closed(line: str) -> str | None:
    """`line` with its quote and brackets closed, and the colon that its keyword asks for."""
    scanned = scan([line])
    if scanned.open_triple or scanned.unopened:
        return None
    if scanned.stray:
        line += scanned.tokens[0][-1].text
        scanned = scan([line])
    line += "".join(CLOSER[bracket] for _, bracket in reversed(scanned.unclosed))
    if COMPOUND.match(line) and not line.rstrip().endswith(":"):
        line += ":"
    return line


def complete_last_name(code: str) -> str:
    """`code` whose very last name, cut by the token limit, is the beginning of one known name.

    Only a name that nothing defines is touched: as it stands it could only raise NameError.
    """
    text = code.rstrip()
    tree = parse(code)
    match = _NAME_AT_END.search(text)
    if match is None or not isinstance(tree, ast.Module) or match[0] not in undefined(tree):
        return code
    candidates = [
        name for name in completions(text[: match.start()], text) if not keyword.iskeyword(name)
    ]
    for name in candidates:
        completed = _NAME_AT_END.sub(name, text) + "\n"
        outcome = parse(completed)
        if isinstance(outcome, ast.Module) and name not in undefined(outcome):
            return completed
    return code
