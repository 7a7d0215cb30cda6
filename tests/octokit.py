"""GitHub's own descriptions of its REST API and its webhooks, as judges of requests, answers and
payloads.

The set-up fetches them (deploy/octokit.sh).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft7Validator, FormatChecker
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT7

from bot.forge.fake.rest import Exchange

FOLDER = Path(__file__).parents[1] / ".cache" / "octokit"
_MANY_SEGMENTS = {"ref", "path"}
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@_FORMATS.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


def load(name: str) -> Any:
    path = FOLDER / name
    assert path.is_file(), (
        f"{path.name} is missing: run sh deploy/octokit.sh, which the set-up does"
    )
    return json.loads(path.read_text(encoding="utf-8"))


def in_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 writes `nullable`; JSON Schema has a type for nothing."""
    if isinstance(node, list):
        return [in_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: in_json_schema(value) for key, value in node.items() if key != "example"}
    # The description wants an installation's account to be a user and an enterprise at once.
    if {part.get("title") for part in made.get("allOf", [])} == {"Simple User", "Enterprise"}:
        made["anyOf"] = made.pop("allOf")
    if made.get("nullable") is True:
        return {"anyOf": [{"type": "null"}, made]}
    return made


@dataclass(frozen=True)
class Operation:
    """A method of a path, as described."""

    pattern: re.Pattern[str]
    literal: int
    described: Mapping[str, Any]


class Api:
    """The REST API's description."""

    def __init__(self) -> None:
        self._document = load("api.github.com.json")
        resource = DRAFT7.create_resource({"components": self._converted()})
        self._registry = Registry().with_resource("urn:github", resource)
        self._validators: dict[str, Draft7Validator] = {}
        self._operations: dict[str, list[Operation]] = {}
        for path, methods in self._document["paths"].items():
            for method, described in methods.items():
                known = self._operations.setdefault(method.upper(), [])
                known.append(
                    Operation(_pattern(path), len(re.sub(r"\{\w+\}", "", path)), described)
                )

    def problems(self, exchange: Exchange) -> Iterator[str]:
        """What GitHub would not have sent, or not taken, in one line each."""
        request, reply = exchange.request, exchange.reply
        where = f"{request.method} {request.path} {reply.status}"
        # GitHub answers 304 to every conditional GET, and describes it for some.
        if reply.status >= 500 or (reply.status == 304 and request.method == "GET"):
            return
        operation = self._find(request.method, request.path)
        if operation is None and reply.status == 404:
            return
        if operation is None:
            yield f"{where}: GitHub has no such route"
            return
        known = {p["name"] for p in map(self._deref, operation.get("parameters", []))}
        yield from (f"{where}: no parameter {name}" for name in set(request.query) - known)
        if reply.status < 400:
            # What was refused need not be right; some tests send what is wrong on purpose.
            yield from (f"{where}: sent {p}" for p in self._body_problems(operation, request.body))
        yield from (f"{where}: answered {p}" for p in self._reply_problems(operation, exchange))

    def examples(self, method: str, path: str) -> list[Any]:
        """The answers that GitHub shows as examples for a route, with `path` as it is described."""
        described, found = self._document["paths"][path][method.lower()], []
        for status, response in described["responses"].items():
            content = self._deref(response).get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values() if status < "300" else ():
                value = self._deref(example)["value"]
                # Some are wrapped twice.
                found.append(self._deref(value)["value"] if "$ref" in value else value)
        return found

    def _body_problems(self, operation: Mapping[str, Any], body: bytes) -> Iterator[str]:
        if not body:
            return
        described = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if described is None:
            yield "a body, and GitHub reads none here"
            return
        schema, value = described["schema"], json.loads(body)
        yield from self._mismatch(schema, value)
        known = set(schema.get("properties", {}))
        if known:
            yield from (f"an unknown field {name}" for name in set(value) - known)

    def _reply_problems(self, operation: Mapping[str, Any], exchange: Exchange) -> Iterator[str]:
        reply = exchange.reply
        described = self._deref(operation["responses"].get(str(reply.status), {}))
        content = described.get("content", {}).get("application/json")
        if reply.status >= 400 and (content is None or "oneOf" in content["schema"]):
            # Any error can come, described or not, and where two forms are, most errors fit both.
            content = {"schema": {"$ref": "#/components/schemas/basic-error"}}
        if content is not None:
            yield from self._mismatch(content["schema"], reply.body)
        elif str(reply.status) not in operation["responses"]:
            yield "a status that GitHub does not answer with"
        elif reply.body is not None:
            yield "a body where GitHub sends none"

    def _mismatch(self, schema: Any, value: Any) -> Iterator[str]:
        text = json.dumps(in_json_schema(schema)).replace(
            '"#/components', '"urn:github#/components'
        )
        validator = Draft7Validator(
            json.loads(text), registry=self._registry, format_checker=_FORMATS
        )
        error = best_match(validator.iter_errors(value))
        if error is not None:
            yield f"{error.json_path}: {error.message[:300]}"

    def _validator(self, schema: Any) -> Draft7Validator:
        text = json.dumps(in_json_schema(schema)).replace(
            '"#/components', '"urn:github#/components'
        )
        if text not in self._validators:
            self._validators[text] = Draft7Validator(
                json.loads(text), registry=self._registry, format_checker=_FORMATS
            )
        return self._validators[text]

    def _find(self, method: str, path: str) -> Mapping[str, Any] | None:
        fitting = [o for o in self._operations.get(method, []) if o.pattern.fullmatch(path)]
        best = max(fitting, key=lambda operation: operation.literal, default=None)
        return None if best is None else best.described

    def _deref(self, node: Any) -> Any:
        while "$ref" in node:
            found = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def _converted(self) -> Any:
        return {"schemas": in_json_schema(self._document["components"]["schemas"])}


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", path)
    made = [
        re.escape(part)
        if not part.startswith("{")
        else ".*"
        if part[1:-1] in _MANY_SEGMENTS
        else "[^/]+"
        for part in parts
    ]
    return re.compile("".join(made))


@cache
def api() -> Api:
    return Api()


class Webhooks:
    """The payloads' description."""

    def __init__(self) -> None:
        self._schema = load("schema.json")

    def problems(self, event: str, payload: Mapping[str, Any]) -> Iterator[str]:
        """What GitHub would not have sent, in one line each."""
        name = f"{event}${payload['action']}" if "action" in payload else f"{event}_event"
        definitions = self._schema["definitions"]
        if name not in definitions:
            yield f"{name}: GitHub has no such event"
            return
        schema = {"$ref": f"#/definitions/{name}", "definitions": definitions}
        validator = Draft7Validator(schema, format_checker=_FORMATS)
        error = best_match(validator.iter_errors(payload))
        if error is not None:
            yield f"{name} {error.json_path}: {error.message[:300]}"


@cache
def webhooks() -> Webhooks:
    return Webhooks()


def examples() -> list[tuple[str, Mapping[str, Any]]]:
    """GitHub's own example payloads, each with its event's name."""
    events = load("api.github.com/index.json")
    return [(event["name"], example) for event in events for example in event["examples"]]
