"""Reads whether a code is plain: so that both paths give it the same verdict, no more than that."""

from __future__ import annotations

import ast

from engine.sandbox.plain import MODULES, NotPlain, PlainCode, is_dunder, name_of, parse
from engine.sandbox.state import keeps_state

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_NOT_IN_CODES = frozenset({
    *("open", "exec", "eval", "compile", "globals", "locals", "vars", "dir", "input", "breakpoint"),
    *("exit", "quit", "help", "setattr", "delattr", "memoryview", "copyright", "credits", "license"),
    *("BaseException", "BaseExceptionGroup", "RecursionError", "MemoryError", "SystemExit"),
    *("KeyboardInterrupt", "GeneratorExit"),
})  # fmt: skip
_FRAME_ATTRIBUTES = ("gi_", "cr_", "ag_", "f_", "tb_", "co_", "func_")
_DUNDERS = frozenset({"__name__", "__class__", "__init__", "__doc__", "__len__"})


def read_code(source: str, entry_point: str) -> PlainCode | None:
    """What is known of a plain code, None of any other.

    A code that does not parse is plain: both paths find that out, and this one at once.
    """
    try:
        tree = parse(source)
        if tree is None:
            return PlainCode(keeps_state=False)
        _check_entry(tree, entry_point)
        for node in ast.walk(tree):
            _check_code_node(node)
        _check_handlers(tree)
    except NotPlain:
        return None
    return PlainCode(keeps_state(tree), caches="cache" in source)


def _check_entry(tree: ast.Module, entry_point: str) -> None:
    """The name is bound by one function at the top, and by nothing else there."""
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == entry_point]
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.AsyncFunctionDef) and node.name == entry_point:
            raise NotPlain
        if not isinstance(node, _FUNCTIONS):
            for part in ast.walk(node):
                match part:
                    case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if name == entry_point:
                        raise NotPlain
                    case ast.alias(name=name, asname=other) if (other or name) == entry_point:
                        raise NotPlain
    if not found:
        raise NotPlain


def _check_code_node(node: ast.AST) -> None:
    match node:
        case ast.Import(names=names):
            if any(alias.name.partition(".")[0] not in MODULES for alias in names):
                raise NotPlain
        case ast.ImportFrom(module=module, level=level):
            if level or (module or "").partition(".")[0] not in MODULES:
                raise NotPlain
        case ast.Name(id=name):
            if name in _NOT_IN_CODES or (is_dunder(name) and name != "__name__"):
                raise NotPlain
        case ast.Attribute(attr=name):
            hidden = is_dunder(name) and name not in _DUNDERS
            if hidden or name.startswith(_FRAME_ATTRIBUTES):
                raise NotPlain
        case ast.AsyncFunctionDef() | ast.Await():
            raise NotPlain
        case _:
            pass


def _check_handlers(tree: ast.Module) -> None:
    """What an overflow meets depends on how deep the caller is: it must not be caught."""
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    broad = any(
        isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or {"Exception", "RuntimeError"} & {name_of(part) for part in ast.walk(node.type)}
        )
        for node in ast.walk(tree)
    )
    if broad and any(
        isinstance(node, ast.Call) and name_of(node.func) in functions for node in ast.walk(tree)
    ):
        raise NotPlain
