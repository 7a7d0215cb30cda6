"""Servers that speak OpenAI's protocol: vLLM, SGLang, llama.cpp, or a paid one.

    settings  how a server is reached, what it may cost    dialects     what each kind does beyond
    client    the wire, and what goes wrong on it          requests     the bodies that are sent
    replies   what comes back, read into values            writing      one completion as it grows
    sampling  one ask: many requests, tried again          judging      choices, by likeliest tokens
    model     `LanguageModel`, and the money               unavailable  faults, in words

The package `openai` is imported by `client` alone, when a model is opened.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.errors import ModelUnavailable
from engine.llm.ledger import Ledger, MemoryLedger

if TYPE_CHECKING:
    from engine.llm.openai.model import OpenAIModel
    from engine.llm.openai.settings import OpenAISettings

UNKNOWN_WINDOW = 4096
"""The context window where neither the configuration nor the server tells one."""


def load(
    settings: OpenAISettings, model: str, *, context_window: int = 0, ledger: Ledger | None = None
) -> OpenAIModel:
    """Reach the server and find `model` there; empty is the only one that it has.

    Raises ModelUnavailable, which says what to do, when there is no such server, key or model.
    """
    from engine.llm.openai.client import Client, Fault
    from engine.llm.openai.dialects import PLAIN, dialect_of
    from engine.llm.openai.model import OpenAIModel
    from engine.llm.openai.replies import ServedModel
    from engine.llm.openai.unavailable import listing, unavailable

    client = Client(settings, _key(settings))
    try:
        try:
            served = client.run(client.models())
        except Fault as fault:
            if fault.status not in (404, 405, 501):  # a server need not list what it has
                raise unavailable(fault, settings, model=model) from fault
            served = []
        names = [entry.id for entry in served]
        found = next((entry for entry in served if entry.id == model), None)
        if found is None and not model and len(served) == 1:
            found = served[0]
        if found is None and (served or not model):
            wanted = f"has no model {model!r}" if model else "has several models, and none is named"
            raise ModelUnavailable(
                f"the model server at {settings.host} {wanted}; it serves {listing(names)}",
                remedy="set model to one of these",
            )
        found = found or ServedModel(model)
        return OpenAIModel(
            settings,
            client,
            dialect_of(found.owned_by) if served else PLAIN,
            model=found.id,
            context_window=context_window or found.context_window or UNKNOWN_WINDOW,
            ledger=ledger or MemoryLedger(),
            served=names,
        )
    except BaseException:
        client.close()
        raise


def _key(settings: OpenAISettings) -> str:
    name = settings.api_key_env
    key = os.environ.get(name, "") if name else ""
    if name and not key:
        raise ModelUnavailable(
            f"${name}, which is to hold the key for {settings.host}, is not set",
            remedy=f"set {name} in the environment, not in a file that is logged",
        )
    return key
