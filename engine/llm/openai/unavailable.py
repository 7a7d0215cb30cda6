"""What a fault means to whoever runs the bot: one line, and what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.errors import ModelUnavailable
from engine.llm.openai.client import Fault, FaultKind
from engine.llm.openai.settings import OpenAISettings

_WINDOW = re.compile(r"(?:length|window|size)\D{0,20}(\d{3,7})", re.IGNORECASE)
_LISTED = 8


def unavailable(
    fault: Fault, settings: OpenAISettings, *, model: str = "", served: Sequence[str] = ()
) -> ModelUnavailable:
    """The error that a request ends with, once trying again is over."""
    where = f"the model server at {settings.host}"
    wait = fault.retry_after_s or 0.0
    match fault.kind:
        case FaultKind.UNREACHABLE:
            message, remedy = (
                f"{where} does not answer: {fault.message}",
                "start it, or correct base_url",
            )
        case FaultKind.SILENT:
            message = f"{where} was silent for {settings.timeout_s:g} s"
            remedy = "look at its log, or raise timeout_s"
        case FaultKind.BROKEN:
            message = f"{where} broke off or sent no OpenAI-style answer: {fault.message}"
            remedy = "look at its log, and whether base_url ends as it should (mostly in /v1)"
        case FaultKind.REFUSED:
            message, remedy = _refused(fault, where, settings, model, served)
    return ModelUnavailable(message, remedy=remedy, retry_after_s=wait)


def _refused(
    fault: Fault, where: str, settings: OpenAISettings, model: str, served: Sequence[str]
) -> tuple[str, str]:
    if fault.status in (401, 403):
        name = settings.api_key_env
        remedy = (
            f"put a key that is good there into ${name}"
            if name
            else "name its key's variable: api_key_env"
        )
        return f"{where} refuses the key ({fault.status})", remedy
    if fault.is_too_long:
        window = _WINDOW.search(fault.message)
        told = f" = {window[1]}" if window else " to what it has"
        return f"{where} finds the prompt too long: {fault.message}", f"set context_window{told}"
    if fault.status == 404 or fault.code == "model_not_found":
        listed = listing(served)
        return (
            f"{where} has no {model!r}, or not at this address (404)",
            f"it serves {listed}: set model",
        )
    if fault.status in (301, 302, 307, 308):
        return (
            f"{where} sends elsewhere ({fault.status}), which is not followed",
            "correct base_url",
        )
    if fault.code == "insufficient_quota":
        return (
            f"{where} says that the account's money is spent",
            "add to it, or wait for its next period",
        )
    if fault.status == 429:
        return f"{where} allows no more requests now (429)", "nothing: it is asked again later"
    if fault.status >= 500:
        return f"{where} fails ({fault.status}): {fault.message}", "look at its log"
    return f"{where} refuses the request ({fault.status}): {fault.message}", "see its documentation"


def listing(served: Sequence[str]) -> str:
    """Names of models for a sentence, not too many."""
    more = f" and {len(served) - _LISTED} more" if len(served) > _LISTED else ""
    return (", ".join(served[:_LISTED]) or "nothing that it tells of") + more
