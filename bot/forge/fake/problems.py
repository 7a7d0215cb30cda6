"""Answers of the loopback GitHub that say no, in GitHub's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DOCS = "https://docs.github.com/rest"


class Problem(Exception):
    """An answer with an error's status."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        details = {} if self.errors is None else {"errors": self.errors}
        return {
            "message": self.message,
            **details,
            "documentation_url": _DOCS,
            "status": str(self.status),
        }


def not_found() -> Problem:
    return Problem(404, "Not Found")


def invalid(resource: str, field: str, code: str, message: str = "") -> Problem:
    """What GitHub says of values that it does not take."""
    error = {"resource": resource, "field": field, "code": code}
    if message:
        error["message"] = message
    return Problem(422, "Validation Failed", errors=[error])
