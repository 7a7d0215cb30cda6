"""A small YAML file as a tree with line numbers: nothing is constructed, nothing is expanded.

PyYAML composes the nodes, which keep their places; what they mean is asked of each by the schema
(`bot.repoconfig`). A node that an alias repeats is one and the same object, so no file is larger in
memory than on disk, and deep nesting is refused before it is composed.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from bot.sanitize import shortened

MAX_CHARACTERS = 20_000
MAX_DEPTH = 8


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong on a line (from 1). The message quotes the file; whoever posts it escapes it."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Value:
    """A node and where it stands."""

    node: yaml.Node

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    @property
    def is_null(self) -> bool:
        return self.node.tag == _NULL

    @property
    def scalar(self) -> str | None:
        """A scalar's text as written, but for its quotes; None for anything else and for null."""
        return (
            self.node.value if isinstance(self.node, yaml.ScalarNode) and not self.is_null else None
        )

    @property
    def items(self) -> list[Value] | None:
        """A list's items; None for anything else."""
        node = self.node
        return [Value(n) for n in node.value] if isinstance(node, yaml.SequenceNode) else None

    @property
    def pairs(self) -> list[tuple[Value, Value]] | None:
        """A mapping's keys and values, doubled keys included; None for anything else."""
        node = self.node
        if not isinstance(node, yaml.MappingNode):
            return None
        return [(Value(key), Value(value)) for key, value in node.value]

    def __str__(self) -> str:
        """The value as a message shows it."""
        if isinstance(self.node, yaml.ScalarNode):
            return f"'{shortened(self.node.value, 60)}'"
        return "a list" if isinstance(self.node, yaml.SequenceNode) else "a mapping"


_NULL = "tag:yaml.org,2002:null"


def read_yaml(text: str) -> Value | Problem | None:
    """The file's root, what is wrong with its form, or None where there is nothing in it."""
    if len(text) > MAX_CHARACTERS:
        return Problem(1, f"the file has {len(text)} characters; {MAX_CHARACTERS} are read at most")
    try:
        deep = _too_deep(text)
        if deep is not None:
            return Problem(deep, f"nested more than {MAX_DEPTH} levels deep")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        return _problem(error)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return Problem(line, f"the character U+{_codepoint(error):04X} is not allowed in YAML")
    return None if root is None else Value(root)


def _too_deep(text: str) -> int | None:
    """The line where the nesting becomes too deep. Events come one by one, so no more is read."""
    depth = 0
    line = 1
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else line
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return line
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _problem(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    what = " ".join(str(error.problem or error.context or "it cannot be read").split())
    return Problem(mark.line + 1 if mark else 1, f"not valid YAML: {shortened(what, 120)}")


def _codepoint(error: yaml.reader.ReaderError) -> int:
    character: int | str | bytes = error.character
    return character if isinstance(character, int) else ord(character[:1])
