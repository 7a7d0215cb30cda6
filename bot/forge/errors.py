"""What can go wrong between the bot and GitHub, as one tree.

ForgeError                 SuperchargeError
├── NotFound               not there, or not shown to this credential
├── Forbidden              there, but this credential may not
├── Conflict               the thing changed, or exists, in a way that a repetition does not mend
├── Invalid                GitHub refuses the values
└── Unavailable            park the request and come back; also a PartUnavailable
├── RateLimited        come back after `retry_after_s`
└── Unauthorized       the credential is refused: whoever runs the bot has to mend it
"""

from __future__ import annotations

import re

from engine.errors import PartUnavailable, SuperchargeError

_TOKEN = re.compile(
    r"""
    \b(?:gh[a-z]_|github_pat_)\w{6,}                    # GitHub's own, of every kind
    | \beyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?            # a JSON web token
    | (?<=://)[^\s/@]+(?=@)                             # user and password in a URL
    | (?i:\b(?:bearer|basic|token)[ ]+)[\w.~+/-]{8,}=*  # an Authorization header's value
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_MAX_TEXT = 400


def redact(text: str) -> str:
    """The text with everything in it that has a credential's shape replaced."""
    return _TOKEN.sub("[redacted]", text)


def _one_line(message: str) -> str:
    line = _CONTROLS.sub(" ", redact(message)).strip()
    return line if len(line) <= _MAX_TEXT else f"{line[:_MAX_TEXT]}…"


class ForgeError(SuperchargeError):
    """A call to GitHub did not do what it was for. The text is one line and holds no token."""

    def __init__(self, message: str) -> None:
        # Not super(): Unavailable has two bases, and PartUnavailable comes next in its line.
        SuperchargeError.__init__(self, _one_line(message))


class NotFound(ForgeError):
    """There is no such thing, or this credential may not know of it."""


class Forbidden(ForgeError):
    """The thing is there, and this credential may not do that to it."""


class Conflict(ForgeError):
    """The thing is no longer as the caller saw it: a branch moved, a name is taken."""


class Invalid(ForgeError):
    """GitHub refuses the values of the call; repeating it changes nothing."""


class Unavailable(ForgeError, PartUnavailable):
    """GitHub is down, slow, or out of reach. Nothing is known of what a writing call did."""

    def __init__(
        self, message: str, *, remedy: str = "wait: the request goes on by itself"
    ) -> None:
        ForgeError.__init__(self, message)
        self.remedy = remedy


class RateLimited(Unavailable):
    """A primary or secondary limit; GitHub wants to be left alone for `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        remedy = f"wait {retry_after_s:.0f} s: the request goes on by itself"
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


class Unauthorized(Unavailable):
    """The token, or the App's key, is refused."""

    def __init__(self, message: str) -> None:
        super().__init__(message, remedy="run `supercharge doctor`, and mend the credentials")
