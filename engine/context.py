"""What a prompt says of a function: its stub as text, and the outline of the module around it."""

from __future__ import annotations

import ast
import re

from engine.cleanup.syntax import is_shallow, parse
from engine.functions import FunctionNode, does_nothing, find_function
from engine.knobs import Part
from engine.spec import FunctionSpec

_OUTLINE_LINES = 60


def stub_text(spec: FunctionSpec) -> str:
    """The prototype and the docstring, dedented, poised for the body.

    It ends at the closing quotes or at the colon, never in a newline: a newline and the indent that
    follows are one token to most models, and a prompt that ends between the two derails them.
    """
    if not spec.description:
        return spec.prototype
    return f"{spec.prototype}\n    {docstring(spec.description, '    ')}"


def docstring(text: str, indent: str) -> str:
    """A literal of triple quotes that says `text`, to be written `indent` deep."""
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"').replace("\0", "\\x00")
    escaped = escaped.encode("utf-8", "backslashreplace").decode()
    lines = re.split(r"\r\n|\r|\n", escaped)
    indented = "\n".join([lines[0], *(f"{indent}{line}".rstrip() for line in lines[1:])])
    # A quote at the end would run into the closing ones.
    end = f"\n{indent}" if len(lines) > 1 else " " if indented.endswith('"') else ""
    return f'"""{indented}{end}"""'


def first_assert(spec: FunctionSpec) -> str:
    """How the first assert of a test begins, or nothing for a method, which needs an object first."""
    if spec.is_method:
        return ""
    call = f"{spec.entry_point}("
    is_async = spec.prototype.startswith("async ")
    return f"\n    assert {'asyncio.run(' if is_async else ''}{call}"


def prompt_parts(spec: FunctionSpec) -> frozenset[Part]:
    """What there is to say of the stub's surroundings, which a prompt may do without."""
    parts = set()
    if module_outline(spec, callers=False):
        parts.add(Part.OUTLINE)
    if spec.callers:
        parts.add(Part.CALLERS)
    return frozenset(parts)


def module_outline(spec: FunctionSpec, *, outline: bool = True, callers: bool = True) -> str:
    """The stub's class, the imports, constants and signatures of its module, and who calls it.

    Empty when the stub stands alone. Nearest first is kept when the module is long: the class,
    the imports, what precedes the stub, at most 60 lines in all. Without `callers` nobody's calls are
    in it, without `outline` nothing else is.
    """
    calls = _calls(spec) if callers else []
    if not outline:
        return "\n".join(calls)
    tree = parse(spec.module)
    target = find_function(tree, spec.qualname) if isinstance(tree, ast.Module) else None
    if not isinstance(tree, ast.Module) or target is None:
        return ""
    home = next(s for s in tree.body if s.lineno <= target.lineno <= (s.end_lineno or 0))
    imports: list[str] = []
    above: list[str] = []
    below: list[str] = []
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            imports.append(ast.unparse(statement))
        elif statement is not home:
            far = above if statement.lineno < home.lineno else below
            far += _outline(statement, target)
    own = _outline(home, target)[:_OUTLINE_LINES]
    imports = imports[: _OUTLINE_LINES - len(own)]
    room = _OUTLINE_LINES - len(own) - len(imports)
    above = above[max(len(above) - room, 0) :]
    return "\n".join([*imports, *calls, *above, *below[: room - len(above)], *own])


def _calls(spec: FunctionSpec) -> list[str]:
    """As comments: they show what is expected, and are nothing that a body goes on from."""
    if not spec.callers:
        return []
    return ["# It is called like this:", *(f"#   {call}" for call in spec.callers)]


def _outline(statement: ast.stmt, target: FunctionNode) -> list[str]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return _mention(statement, target)
        case ast.ClassDef():
            return _class_outline(statement, target)
        case ast.Assign() | ast.AnnAssign():
            text = _said(statement).splitlines()
            return text if len(text) == 1 and 3 < len(text[0]) < 100 else []
    return []


def _mention(node: FunctionNode, target: FunctionNode) -> list[str]:
    """Another function as a comment: a body of `...` in sight is a body that small models copy.

    Other stubs are not mentioned: what has no body yet is of no help.
    """
    if node is target or does_nothing(node):
        return []
    prefix = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    returns = f" -> {_said(node.returns)}" if node.returns else ""
    first = (ast.get_docstring(node) or "").partition("\n")[0]
    said = f"  {first}" if first else ""
    return [f"# {prefix}def {node.name}({_said(node.args)}){returns}:{said}"]


def _class_outline(node: ast.ClassDef, target: FunctionNode) -> list[str]:
    given = ", ".join(_said(part) for part in [*node.bases, *node.keywords])
    bases = f"({given})" if given else ""
    lines = [f"@{_said(d)}" for d in node.decorator_list] + [f"class {node.name}{bases}:"]
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            # What the object holds is what its methods work on.
            body = _said(statement).splitlines()
        else:
            body = _outline(statement, target)
        lines += [f"    {line}" for line in body]
    return lines if len(lines) > 1 else [*lines, "    ..."]


def _said(node: ast.AST) -> str:
    """The source of `node`; where it nests too deeply to be written, that something is there."""
    return ast.unparse(node) if is_shallow(node) else "..."
