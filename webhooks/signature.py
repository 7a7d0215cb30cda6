"""Who sent these bytes: HMAC-SHA256 over the raw body, without any I/O.

GitHub signs a delivery's body with the webhook's secret and sends `X-Hub-Signature-256: sha256=<hex>`.
The headers beside it are not signed: whoever has caught one delivery can send it again under another
delivery id. So the id alone never proves that a delivery is new.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

HEADER = "X-Hub-Signature-256"

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII | re.IGNORECASE)


class NoSecret(ValueError):
    """A verifier was to be made without a secret, or with one that protects nothing."""


class BadSignature(Exception):
    """The bytes are not what an owner of the secret signed; the text says why, in one line."""


class Verifier:
    """Checks signatures against one secret, or two while a secret is being replaced."""

    __slots__ = ("_keys",)

    def __init__(self, secrets: Sequence[str]) -> None:
        """Raises NoSecret unless there are one or two secrets and none is blank.

        There is no way to make a verifier that lets everything through.
        """
        if isinstance(secrets, str):
            secrets = [secrets]
        if not secrets or any(not secret.strip() for secret in secrets):
            raise NoSecret("a webhook secret is missing or blank; without one nothing is received")
        if len(secrets) > 2:
            raise NoSecret("at most two webhook secrets: the one in force and the one before it")
        self._keys = tuple(secret.encode() for secret in secrets)

    def verify(self, body: bytes, header: str | None) -> None:
        """Returns if `header` signs `body` with one of the secrets, else raises BadSignature."""
        if header is None:
            raise BadSignature(f"the header {HEADER} is missing")
        match = _SIGNATURE.fullmatch(header.strip())
        if match is None:
            raise BadSignature(f"{HEADER} must be sha256= and 64 hexadecimal digits")
        given = bytes.fromhex(match[1])
        # All are compared before any is looked at, so that the time tells nothing.
        fits = [hmac.compare_digest(_digest(key, body), given) for key in self._keys]
        if not any(fits):
            raise BadSignature("the signature does not fit the body and the secret")

    def __repr__(self) -> str:
        return f"Verifier({len(self._keys)} secrets)"


def sign(secret: str, body: bytes) -> str:
    """The header's value for `body`, as GitHub sends it."""
    return f"sha256={_digest(secret.encode(), body).hex()}"


def _digest(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, hashlib.sha256)
