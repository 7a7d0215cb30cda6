"""How a server that speaks OpenAI's protocol is reached, and what it may cost."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from engine.errors import BadInput


class Endpoint(StrEnum):
    """Which of a server's two ways to write is used."""

    AUTO = "auto"
    """What the server is known to do best; of an unknown one, `/completions` until it says no."""
    COMPLETIONS = "completions"
    """`/completions`: goes on from the prompt's last character, so the prototype is prefilled."""
    CHAT = "chat"
    """`/chat/completions`: turns. Servers that cannot go on from a begun reply are told its begin."""


@dataclass(frozen=True, slots=True)
class OpenAISettings:
    """One server. Raises BadInput for a server away from this machine that nobody has allowed."""

    base_url: str = "http://127.0.0.1:8000/v1"
    """Where the server is, up to and with `/v1`."""

    api_key_env: str = ""
    """The environment variable that holds the key; empty sends none. The key itself is in no file."""

    allow_remote: bool = False
    """Whether prompts, which hold code, may leave this machine: needed for any other host."""

    endpoint: Endpoint = Endpoint.AUTO
    """`auto`, `completions` or `chat`."""

    logprobs: bool = True
    """Whether to ask for log-probabilities, by which a choice among codes is better."""

    timeout_s: float = 120.0
    """Longest silence of the server, in seconds, before an answer is given up."""

    retries: int = 4
    """Further tries of a request that failed in a way that may pass."""

    concurrency: int = 8
    """Requests at once, where a server gives one completion per request."""

    requests_per_minute: float = 0.0
    """Requests begun per minute at most; 0 is no limit of ours."""

    prompt_price: float = 0.0
    """Price of a million tokens read, in whatever currency `daily_cap` is."""

    completion_price: float = 0.0
    """Price of a million tokens written."""

    daily_cap: float = 0.0
    """Most money per day (UTC); requests then wait for the next. Needed with a price."""

    def __post_init__(self) -> None:
        parts = _split(self.base_url)
        if not self.allow_remote and not is_loopback(parts.hostname or ""):
            raise BadInput(
                f"model.openai.base_url is at {parts.netloc}, and no code leaves this machine unless"
                " you allow it: set model.openai.allow_remote = true"
            )
        for key, number, least in (
            ("retries", self.retries, 0),
            ("requests_per_minute", self.requests_per_minute, 0),
            ("prompt_price", self.prompt_price, 0),
            ("completion_price", self.completion_price, 0),
            ("daily_cap", self.daily_cap, 0),
        ):
            if not least <= number < math.inf:
                raise BadInput(f"model.openai.{key} must be at least {least}, not {number}")
        if not 0 < self.timeout_s < math.inf:
            raise BadInput(f"model.openai.timeout_s must be more than 0, not {self.timeout_s}")
        if not 1 <= self.concurrency <= 1024:
            raise BadInput(
                f"model.openai.concurrency must be between 1 and 1024, not {self.concurrency}"
            )
        if self.is_paid and not self.daily_cap:
            raise BadInput(
                "model.openai.daily_cap is needed with a price: the most that a day may cost"
            )

    @property
    def is_paid(self) -> bool:
        return self.prompt_price > 0 or self.completion_price > 0

    @property
    def is_remote(self) -> bool:
        """Whether prompts leave this machine."""
        return not is_loopback(_split(self.base_url).hostname or "")

    @property
    def host(self) -> str:
        """Host and port, as people name the server."""
        return _split(self.base_url).netloc


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by its very name; no name is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadInput(f"model.openai.base_url {url!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise BadInput(f"model.openai.base_url must be like http://127.0.0.1:8000/v1, not {url!r}")
    if "@" in parts.netloc:
        raise BadInput(
            "model.openai.base_url must hold no credentials: use model.openai.api_key_env"
        )
    return parts
