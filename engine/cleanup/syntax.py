"""Asking Python itself: does this text parse, does it compile, and where does it stop?

Every other module of the package reads a text through these functions, because the parser has more
ways to say no than `SyntaxError`: null bytes, lone surrogates, nesting that exhausts its stack.
"""

from __future__ import annotations

import ast
import threading
import warnings
from dataclasses import dataclass

MAX_NESTING = 90
"""Brackets or indents deeper than this are refused: past it the parser's own limits differ by
version, and recursive walks of the tree are no longer safe."""

MAX_SOURCE = 120_000
"""Longest text, in characters, that is given to the parser at all."""


class _Quiet:
    """A context without the parser's warnings; it may be entered again inside itself.

    The filters of `warnings` belong to the whole process, so it is one thread's at a time.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1
        if self._depth == 1:
            self._filters = warnings.catch_warnings()
            self._filters.__enter__()
            warnings.simplefilter("ignore")

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._filters.__exit__(None, None, None)
        self._lock.release()


quiet = _Quiet()
"""Entered by whoever parses; a search enters it once, around all of its parsing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Where and why the parser stopped. `line` is 1-based; `column` is 0-based."""

    message: str
    line: int
    column: int = 0


def parse(code: str) -> ast.Module | Fault:
    """The syntax tree of `code`, or the fault that keeps it from having one."""
    if len(code) > MAX_SOURCE:
        return Fault("too long", 1)
    try:
        with quiet:
            return ast.parse(code)
    except SyntaxError as error:
        return Fault(error.msg or "invalid syntax", error.lineno or 1, (error.offset or 1) - 1)
    except (ValueError, MemoryError, RecursionError, OverflowError) as error:
        return Fault(type(error).__name__, 1)


def compiles(code: str) -> Fault | None:
    """None if `code` is a whole program, else the fault.

    Stricter than `parse`: a `return` outside a function or a doubled argument name parses, yet no
    interpreter runs it.
    """
    if len(code) > MAX_SOURCE:
        return Fault("too long", 1)
    try:
        with quiet:
            compile(code, "<candidate>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return Fault(error.msg or "invalid syntax", error.lineno or 1, (error.offset or 1) - 1)
    except (ValueError, MemoryError, RecursionError, OverflowError, SystemError) as error:
        return Fault(type(error).__name__, 1)
    return None


def parses(code: str) -> bool:
    """Whether `ast` can read `code`."""
    return isinstance(parse(code), ast.Module)


def walk(tree: ast.AST) -> list[ast.AST]:
    """The nodes of `tree`, breadth first; whether a name is read or set (`ctx`) is no node of its own.

    `ast.walk` is most of the work of a search's ranking; this takes a third of its time.
    """
    nodes = [tree]
    for node in nodes:
        nodes.extend(children(node))
    return nodes


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below `node`, in the order of the text."""
    found: list[ast.AST] = []
    for name in node._fields:
        if name == "ctx":
            continue
        value = getattr(node, name, None)
        if isinstance(value, list):
            found.extend([part for part in value if isinstance(part, ast.AST)])
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def is_shallow(tree: ast.AST) -> bool:
    """Whether recursive walks (`ast.dump`, `symtable`, visitors) are safe on `tree`."""
    level: list[ast.AST] = [tree]
    for _ in range(MAX_NESTING):
        level = [child for node in level for child in children(node)]
        if not level:
            return True
    return False


def same_meaning(before: ast.AST, after: ast.AST) -> bool:
    """Whether two trees are equal but for positions."""
    return ast.dump(before) == ast.dump(after)


FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def defined_names(tree: ast.Module) -> set[str]:
    """Functions and classes that `tree` defines at its top level, also in a top-level if or try."""
    names: set[str] = set()
    pending: list[ast.stmt] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, FunctionNode | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            pending.extend(
                child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)
            )
    return names
