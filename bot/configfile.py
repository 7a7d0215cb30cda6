"""Reads sections of a configuration: a TOML file's tables, and the environment over them.

A section is a dataclass; its keys are the fields, and a field that is a dataclass too is a section
within it. An unknown key is an error that says what was probably meant; so is a wrong kind of value.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from engine.errors import BadInput


def read_tables(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises BadInput."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"there is no configuration file {path}") from error
    except OSError as error:
        message = f"cannot read the configuration {path}: {error.strerror or error}"
        raise BadInput(message) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not valid TOML: it is not UTF-8 ({error.reason})") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path}: not valid TOML: {error}") from error


def read_sections(
    tables: dict[str, Any],
    sections: Mapping[str, type[Any]],
    environ: Mapping[str, str],
    *,
    prefix: str,
    where: str,
) -> dict[str, Any]:
    """A value per section, from its table and from variables `<prefix><SECTION>_<KEY>`.

    `where` is the file's name, for the message that refuses something. Raises BadInput.
    """
    for name, table in tables.items():
        if name not in sections:
            raise BadInput(f"{where}: unknown section [{name}]{did_you_mean(name, list(sections))}")
        _check_table(name, table, sections[name], where)
    variables = _take_variables(tables, sections, environ, prefix)
    places = _Places(where, variables)
    return {n: _section(n, s, tables.get(n, {}), places) for n, s in sections.items()}


def did_you_mean(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known are: {', '.join(sorted(known))}"


def _take_variables(
    tables: dict[str, Any],
    sections: Mapping[str, type[Any]],
    environ: Mapping[str, str],
    prefix: str,
) -> dict[str, str]:
    """Put the environment's values into `tables`; the variable of each key that has one."""
    starts = {f"{prefix}{re.sub(r'[.-]', '_', name)}_".upper(): name for name in sections}
    taken: dict[str, str] = {}
    for variable in environ:
        # One section's name may begin like another's.
        start = max((s for s in starts if variable.startswith(s)), key=len, default=None)
        if start is None:
            continue
        name = starts[start]
        hints = _hints(sections[name])
        known = {key.replace(".", "_"): key for key in hints}
        word = variable.removeprefix(start).lower()
        if word not in known:
            raise BadInput(f"{variable}: unknown key {name}.{word}{did_you_mean(word, [*known])}")
        key = known[word]
        taken[f"{name}.{key}"] = variable
        _put(tables.setdefault(name, {}), key, _from_text(environ[variable], hints[key]))
    return taken


@dataclass(frozen=True, slots=True)
class _Places:
    """Where each value came from, for the message that refuses it."""

    file: str
    variables: Mapping[str, str]

    def of(self, key: str) -> str:
        """The variable that set `key`, or a part of what it stands for; else the file."""
        while key and key not in self.variables:
            key = key.rpartition(".")[0]
        return self.variables.get(key, self.file)


def _hints(section: type[Any]) -> dict[str, Any]:
    """The type of every key; a key of a section within this one is `section.key`."""
    hints: dict[str, Any] = {}
    for key, hint in get_type_hints(section).items():
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            hints |= {f"{key}.{inner}": kind for inner, kind in _hints(hint).items()}
        else:
            hints[key] = hint
    return hints


def _put(table: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    for section in sections:
        table = table.setdefault(section, {})
    table[last] = value


def _get(table: Any, key: str) -> Any:
    for part in key.split("."):
        table = table.get(part, {})
    return table


def _check_table(name: str, table: Any, section: type[Any], where: str) -> None:
    if not isinstance(table, dict):
        raise BadInput(f"{where}: {name} must be a section: write [{name}] on a line of its own")
    hints = get_type_hints(section)
    for key, value in table.items():
        if key not in hints:
            hint = did_you_mean(key, [*hints])
            raise BadInput(f"{where}: unknown key {name}.{key}{hint}")
        if dataclasses.is_dataclass(hints[key]):
            _check_table(f"{name}.{key}", value, hints[key], where)


def _section(name: str, section: type[Any], table: dict[str, Any], places: _Places) -> Any:
    for key, hint in _hints(section).items():
        value = _get(table, key)
        # The validator is lenient where a person has made a mistake: it takes true for 1 and "8" for 8.
        if hint in (int, float) and isinstance(value, bool | str):
            place = places.of(f"{name}.{key}")
            raise BadInput(f"{place}: {name}.{key} = {value!r}: input should be a number")
    try:
        return TypeAdapter(section).validate_python(table)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in (name, *first["loc"]))
        raise BadInput(
            f"{places.of(key)}: {key} = {first.get('input')!r}: {first['msg'].lower()}"
        ) from error
    except BadInput as error:
        # Every model's settings speak of [model].
        message = re.sub(r"\bmodel\.", f"{name}.", str(error)) if "." in name else str(error)
        raise BadInput(f"{places.of(message.split()[0])}: {message}") from error


def _from_text(text: str, hint: Any) -> Any:
    """An environment variable's value, written as in TOML, as a bare word, or as words and commas."""
    try:
        value = tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
    except tomllib.TOMLDecodeError:
        value = text
    if get_origin(hint) is tuple:
        return value if isinstance(value, list) else text.replace(",", " ").split()
    # A model or an image may be called 2024 or true.
    return value if hint in (int, float, bool) or isinstance(value, str) else text
