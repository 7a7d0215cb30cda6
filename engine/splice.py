"""Puts a function's new body into the module of its stub, and touches nothing else.

The stub's decorators, signature and docstring, every other line of the file, its line endings and
its indentation stay byte for byte. What the body needs comes along: imports join the file's own,
helper functions go right above the definition that holds the stub.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator, Sequence

from engine.body import Edit, read_body, replace_body
from engine.cleanup.syntax import Fault, parse
from engine.functions import (
    Definition,
    FunctionNode,
    after_docstring,
    bound_by,
    bound_names,
    docstring_node,
    does_nothing,
    find_function,
    first_line,
    mentioned_names,
    same_trees,
    signature,
)
from engine.sourcetext import SourceText, read_rows

__all__ = ["SpliceError", "does_nothing", "find_function", "splice"]

_FIRST_LINES = re.compile(r"#!|#.*coding[:=]")
_LICENCE = re.compile(r"#.*\b(copyright|licen[cs]e|spdx)", re.IGNORECASE)


class SpliceError(ValueError):
    """The function is not in the module, or the source does not define it with its parameters."""


def splice(module: str, qualname: str, source: str) -> str:
    """`module` with the body of `qualname` replaced by that of the same-named function in `source`.

    Raises SpliceError, and nothing else, when either does not parse, lacks the function, or when the
    two functions' parameters differ: a body written for other parameters is another function's.
    """
    old_tree, new_tree = _parsed(module, "module"), _parsed(source, "source")
    old = find_function(old_tree, qualname)
    new = find_function(new_tree, qualname.rpartition(".")[2]) or find_function(new_tree, qualname)
    if old is None or new is None:
        raise SpliceError(f"no function {qualname} in the {'module' if old is None else 'source'}")
    if signature(old) != signature(new):
        raise SpliceError(f"the parameters of {qualname} were changed")
    try:
        edits = list(_edits(SourceText(module), old_tree, old, SourceText(source), new_tree, new))
    except (tokenize.TokenError, SyntaxError) as error:
        raise SpliceError(f"does not parse: {error}") from error
    result = _applied(module, edits)
    filled = find_function(_parsed(result, "result"), qualname)
    wanted = after_docstring(new) or [ast.Pass()]
    # The old docstring stays even where the new body's first statement could be taken for one.
    kept = 1 if docstring_node(old) else 0
    if filled is None or not same_trees(filled.body[kept:], wanted):
        raise SpliceError(f"the body does not fit into the place of {qualname}")
    return result


def _parsed(text: str, what: str) -> ast.Module:
    tree = parse(text)
    if isinstance(tree, Fault):
        raise SpliceError(f"the {what} does not parse: {tree.message} (line {tree.line})")
    return tree


def _applied(text: str, edits: Sequence[Edit]) -> str:
    parts: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        parts += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*parts, text[done:]])


def _edits(
    text: SourceText,
    tree: ast.Module,
    old: FunctionNode,
    source: SourceText,
    new_tree: ast.Module,
    new: FunctionNode,
) -> Iterator[Edit]:
    home = next(s for s in tree.body if s.lineno <= old.lineno <= (s.end_lineno or 0))
    unit = text.indent_unit(tree)
    helpers = _missing_helpers(tree, new_tree, new)
    imports = _missing_imports(tree, new_tree, [*after_docstring(new), *helpers])
    above = _add_imports(text, tree, home, imports) if imports else Edit(0, 0, "")
    yield above
    if helpers:
        yield _add_helpers(text, tree, home, source, helpers, unit, above)
    yield replace_body(text, old, read_body(source, new), unit)


# -- helpers -----------------------------------------------------------------------------------


def _missing_helpers(old: ast.Module, new: ast.Module, function: FunctionNode) -> list[ast.stmt]:
    """The statements beside the function that its body needs and whose names the module lacks."""
    taken = bound_names(old.body)
    offered = [
        (statement, names)
        for statement in new.body
        if not isinstance(statement, ast.Import | ast.ImportFrom | ast.Expr)
        and not _is_main_guard(statement)
        and function not in ast.walk(statement)
        and not (names := bound_names([statement])) & taken
    ]
    needed = mentioned_names(after_docstring(function))
    chosen: list[ast.stmt] = []
    while more := [s for s, names in offered if s not in chosen and names & needed]:
        chosen += more
        needed |= mentioned_names(more)
    return [statement for statement, _ in offered if statement in chosen]


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in mentioned_names(
        [ast.Expr(statement.test)]
    )


def _add_helpers(
    text: SourceText,
    tree: ast.Module,
    home: ast.stmt,
    source: SourceText,
    helpers: Sequence[ast.stmt],
    unit: str,
    above: Edit,
) -> Edit:
    """Above the statement that holds the stub and the comments on top of it; `above` comes first."""
    line = first_line(home)
    top = _header_end(text, tree)
    while line - 1 > top and text.is_comment(line - 1):
        line -= 1
    before = _applied(text.text[: text.start_of(line)], [above])
    touches = before != "" and before == before.rstrip() + text.newline(line)
    lines: list[str] = ["", ""] if touches else []
    for index, helper in enumerate(helpers):
        if index and (isinstance(helper, Definition) or isinstance(helpers[index - 1], Definition)):
            lines += ["", ""]
        start = (first_line(helper), 0)
        rows = read_rows(source, source.tokens(start[0], source.end(helper)), start)
        lines += [row.indented("", unit) for row in rows]
    return _inserted(text, line, [*lines, "", ""])


# -- imports -----------------------------------------------------------------------------------


def _missing_imports(old: ast.Module, new: ast.Module, users: Sequence[ast.stmt]) -> list[str]:
    """The lines that import what `users` mention and the module does not bind."""
    bound, needed = bound_names(old.body), mentioned_names(users)
    # `import os.path` binds only `os`: such imports are compared by what they say.
    said = {alias.name for s in old.body if isinstance(s, ast.Import) for alias in s.names}
    lines: list[str] = []
    for statement in new.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                is_submodule = "." in alias.name and not alias.asname
                known = alias.name in said if is_submodule else bound_by(alias) in bound
                if bound_by(alias) in needed and not known:
                    lines.append(f"import {ast.unparse(alias)}")
                    said.add(alias.name)
                    bound.add(bound_by(alias))
        elif isinstance(statement, ast.ImportFrom) and statement.module != "__future__":
            names = [
                alias
                for alias in statement.names
                if alias.name == "*" or bound_by(alias) in needed - bound
            ]
            if names:
                module = "." * statement.level + (statement.module or "")
                lines.append(f"from {module} import {', '.join(ast.unparse(n) for n in names)}")
                bound |= {bound_by(alias) for alias in names}
    return lines


def _add_imports(
    text: SourceText, tree: ast.Module, home: ast.stmt, imports: Sequence[str]
) -> Edit:
    """Below the last import above the first definition, else below the head of the file."""
    last = 0
    is_future = True
    for statement in tree.body:
        if statement is home or isinstance(statement, Definition):
            break
        if isinstance(statement, ast.Import | ast.ImportFrom):
            last = _end_of_line_of(text, tree, statement.end_lineno or statement.lineno)
            is_future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
    after = last or _header_end(text, tree)
    before = [""] if after and is_future else []
    if last and not is_future:
        return _inserted(text, after + 1, imports)
    below = after + 1
    is_followed_by_code = below <= len(text) and not text.is_blank(below)
    starts_definition = below >= first_line(home) or text.is_comment(below)
    gap = ["", ""] if is_followed_by_code and starts_definition else [""]
    return _inserted(text, below, [*before, *imports, *(gap if is_followed_by_code else [])])


def _header_end(text: SourceText, tree: ast.Module) -> int:
    """The last line of what must stay on top: the docstring, else shebang, coding and licence."""
    match tree.body[0]:
        case ast.Expr(value=ast.Constant(value=str())) as docstring:
            return _end_of_line_of(text, tree, docstring.end_lineno or docstring.lineno)
    end = 0
    first = first_line(tree.body[0])
    while end + 1 < first and text.is_comment(end + 1):
        end += 1
    stands_apart = end + 1 < first and text.is_blank(end + 1)
    if stands_apart or any(_LICENCE.match(text.line(n).lstrip()) for n in range(1, end + 1)):
        return end
    return sum(1 for n in (1, 2) if n <= end and _FIRST_LINES.match(text.line(n)))


def _end_of_line_of(text: SourceText, tree: ast.Module, line: int) -> int:
    """The last line of the statements on `line`: others may begin there and go on below."""
    while True:
        end = max(
            [line, *(s.end_lineno or 0 for s in tree.body if first_line(s) <= line)],
        )
        if text.line(end).endswith("\\") and end < len(text):
            end += 1
        if end == line:
            return end
        line = end


def _inserted(text: SourceText, line: int, lines: Sequence[str]) -> Edit:
    newline = text.newline(min(line, len(text)))
    offset = text.start_of(line)
    return Edit(offset, offset, "".join(row + newline for row in lines))
