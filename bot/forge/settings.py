"""What the bot needs to know to reach GitHub, checked once."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from engine.errors import BadInput


def _is_near(host: str) -> bool:
    """Whether a host is on this machine or in its own network: a bare name or a private address."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host


@dataclass(frozen=True, slots=True)
class GitHubSettings:
    """A credential, either a token or an App's id and key, and where GitHub is."""

    base_url: str = "https://api.github.com"
    """Of the REST API. GitHub Enterprise Server: https://HOST/api/v3."""
    token: str = field(default="", repr=False)
    """A personal or machine user's token. Best given by the environment."""
    app_id: int = 0
    """The App's id; 0 when a token is used."""
    app_key_file: Path | None = None
    """The App's private key, a PEM file that only the bot can read."""
    timeout_s: int = 15
    """Seconds for one try of one call."""
    retries: int = 2
    """Further tries of a call that is safe to repeat, when GitHub is down or slow."""

    def __post_init__(self) -> None:
        url = urlsplit(self.base_url)
        if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment:
            raise BadInput(
                f"github.base_url must be like https://api.github.com or https://HOST/api/v3, "
                f"not {self.base_url!r}"
            )
        if url.username or url.password:
            raise BadInput("github.base_url must hold no credentials: set github.token instead")
        if url.scheme == "http" and not _is_near(url.hostname):
            raise BadInput(
                f"github.base_url must be https: {url.hostname} would get the token in the clear"
            )
        if not 1 <= self.timeout_s <= 600:
            raise BadInput(f"github.timeout_s must be between 1 and 600, not {self.timeout_s}")
        if not 0 <= self.retries <= 10:
            raise BadInput(f"github.retries must be between 0 and 10, not {self.retries}")
        if self.token and self.app_id:
            raise BadInput("github.token and github.app_id exclude each other: keep one of them")
        if bool(self.app_id) != (self.app_key_file is not None):
            raise BadInput("github.app_id and github.app_key_file go together: set both or neither")
        if self.app_id < 0:
            raise BadInput(f"github.app_id must be the App's number, not {self.app_id}")
