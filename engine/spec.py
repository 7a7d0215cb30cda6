"""What is asked for: one function, its words and the module around it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Example:
    """One documented example: `call` is an expression, `expected` the expression it must equal.

    `expected` is None when the example only says that `raises` (an exception's name) is raised.
    """

    call: str
    expected: str | None
    raises: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A stub function that wants a body.

    `qualname` is its dotted path inside `module`: `factorial`, `Stack.push`. `prototype` is the
    definition's source up to its colon, dedented and without decorators, e.g.
    `def factorial(n: int) -> int:`. `description` is the docstring's text. `module` is the source of
    the file around the stub, the stub included, or a module with nothing but the stub when only a
    prototype was given. `path` is where that file is, for people. `callers` are a few statements, each
    on one line, that call the function.
    """

    qualname: str
    prototype: str
    description: str
    module: str
    examples: tuple[Example, ...] = ()
    path: str = ""
    callers: tuple[str, ...] = ()

    @property
    def entry_point(self) -> str:
        """The function's own name, the last part of `qualname`."""
        return self.qualname.rpartition(".")[2]

    @property
    def import_name(self) -> str:
        """The top-level name that a test imports to reach the function: itself or its class."""
        return self.qualname.partition(".")[0]

    @property
    def is_method(self) -> bool:
        return "." in self.qualname

    @property
    def fingerprint(self) -> str:
        """Names the task: the same stub in the same module has the same fingerprint."""
        text = json.dumps([self.qualname, self.prototype, self.description, self.module])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FunctionSpec:
        examples = tuple(Example(**example) for example in data["examples"])
        callers = tuple(data.get("callers", ()))
        return cls(**{**data, "examples": examples, "callers": callers})
