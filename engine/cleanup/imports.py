"""Adding the imports that a module lacks.

Names that models use bare come from our own table, since what they mean by `np` or `Counter` is no
mystery; autoimport, used as a library, is asked for the rest. It is given the undefined names alone:
on whole modules it moves imports by matching lines, which changes meaning inside strings and
functions.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
import typing

from engine.cleanup.names import undefined
from engine.cleanup.syntax import parse, walk

_FROM = {
    "abc": "ABC abstractmethod",
    "bisect": "bisect_left bisect_right insort insort_left insort_right",
    "collections": "ChainMap Counter OrderedDict defaultdict deque namedtuple",
    "contextlib": "contextmanager nullcontext suppress",
    "copy": "deepcopy",
    "dataclasses": "dataclass field",
    "datetime": "timedelta timezone",
    "decimal": "Decimal ROUND_HALF_UP",
    "enum": "Enum IntEnum",
    "fractions": "Fraction",
    "functools": "cache cached_property cmp_to_key lru_cache partial reduce wraps",
    "hashlib": "md5 sha256",
    "heapq": "heapify heappop heappush heappushpop nlargest nsmallest",
    "io": "BytesIO StringIO",
    "itertools": "accumulate chain combinations combinations_with_replacement cycle dropwhile"
    " groupby islice pairwise permutations product starmap takewhile zip_longest",
    "math": "ceil comb cos degrees exp factorial floor gcd hypot inf isclose isqrt lcm log log10"
    " log2 nan pi prod radians sin sqrt tan trunc",
    "operator": "attrgetter itemgetter mul",
    "os.path": "basename dirname",
    "pathlib": "Path",
    "random": "randint shuffle uniform",
    "statistics": "mean median stdev",
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits punctuation",
    "textwrap": "dedent",
    "unittest.mock": "MagicMock Mock patch",
}
_COMMON = {name: f"from typing import {name}" for name in typing.__all__}
_COMMON |= {
    name: f"from {module} import {name}" for module, text in _FROM.items() for name in text.split()
}
_COMMON |= {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    "nx": "import networkx as nx",
    "tf": "import tensorflow as tf",
    "sns": "import seaborn as sns",
    "dt": "import datetime as dt",
    "pytest": "import pytest",
    "numpy": "import numpy",
    "date": "from datetime import date",
}
_MODULE_OR_MEMBER = frozenset({"bisect", "copy", "datetime", "glob", "pprint", "random", "time"})
_MEMBERS = {"datetime": frozenset({"datetime", "date", "timedelta", "time", "timezone"})}
_KNOWN_FOREIGN = frozenset(
    {"numpy", "pandas", "pytest", "matplotlib", "networkx", "tensorflow", "seaborn"}
)
_ALWAYS_THERE = frozenset({"pytest"})
_CLASS_NAME = re.compile(r"[A-Z]\w*[A-Za-z]")
_IMPORT = re.compile(r"^(?:from\s+([\w.]+)\s+import\s+\w+|import\s+([\w.]+)(?:\s+as\s+\w+)?)$")


def with_imports(source: str) -> tuple[str, list[str], list[str]]:
    """`source` with the imports that it lacks, the edits made, and warnings."""
    tree = parse(source)
    if not isinstance(tree, ast.Module):
        return source, [], []
    statements, warnings = missing_imports(tree)
    if not statements:
        return source, [], warnings
    lines = source.split("\n")
    future = [
        node.end_lineno or node.lineno
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    at = max(future, default=0)
    lines[at:at] = statements
    return "\n".join(lines), [f"added {statement}" for statement in statements], warnings


def missing_imports(tree: ast.Module) -> tuple[list[str], list[str]]:
    """Import statements for the names that `tree` reads and nothing binds, and warnings.

    A module outside the standard library is warned of: whether the sandbox has it is its own affair.
    """
    statements: list[str] = []
    warnings: list[str] = []
    for name in sorted(undefined(tree)):
        statement = _statement(name, tree)
        if statement is None:
            continue
        package = _package(statement)
        if package not in _ALWAYS_THERE and package not in sys.stdlib_module_names:
            warnings.append(f"needs {package}, which is not in the standard library")
        statements.append(statement)
    return statements, warnings


def _statement(name: str, tree: ast.Module) -> str | None:
    if name in _MODULE_OR_MEMBER:
        return _module_or_member(name, tree)
    if name in _COMMON:
        return _COMMON[name]
    if name in sys.stdlib_module_names:
        # `queue` alone is a variable that somebody forgot; `queue.Queue` is the module.
        return f"import {name}" if _attributes_of(name, tree) else None
    if not _CLASS_NAME.match(name):
        # What autoimport knows under other names is seldom meant: `path` of sys, `X` of re.
        return None
    statement = _ask_autoimport(name)
    if statement is None or not _may_be_added(_package(statement)):
        return None
    return statement


def _may_be_added(package: str) -> bool:
    return package in sys.stdlib_module_names or package in _KNOWN_FOREIGN


def _module_or_member(name: str, tree: ast.Module) -> str:
    """`datetime` alone is a module in `datetime.datetime.now()` and a class in `datetime.now()`."""
    attributes = _attributes_of(name, tree)
    if name in _MEMBERS:
        return f"import {name}" if attributes & _MEMBERS[name] else f"from {name} import {name}"
    return f"import {name}" if attributes else f"from {name} import {name}"


def _attributes_of(name: str, tree: ast.Module) -> set[str]:
    return {
        node.attr
        for node in walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    }


def _package(statement: str) -> str:
    match = _IMPORT.match(statement)
    return (match[1] or match[2]).partition(".")[0] if match else ""


@functools.lru_cache(maxsize=4096)
def _ask_autoimport(name: str) -> str | None:
    from autoimport.model import SourceCode

    class BareNames(SourceCode):
        """autoimport without its look into the current directory's package, which imports it."""

        @staticmethod
        def _find_package_in_our_project(name: str) -> str | None:
            return None

    try:
        fixed = BareNames(f"{name}\n").fix()
    except (ValueError, ImportError, AttributeError, SyntaxError):
        return None
    first = str(fixed).partition("\n")[0].partition("  #")[0].strip()
    return first if _IMPORT.match(first) else None
