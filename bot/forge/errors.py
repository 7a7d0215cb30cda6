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

from engine.errors import PartUnavailable, SuperchargeError


class ForgeError(SuperchargeError):
    """A call to GitHub did not do what it was for. The text is one line and holds no token."""


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
        super().__init__(message, remedy=remedy)


class RateLimited(Unavailable):
    """A primary or secondary limit; GitHub wants to be left alone for `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(
            message, remedy=f"wait {retry_after_s:.0f} s: the request goes on by itself"
        )
        self.retry_after_s = retry_after_s


class Unauthorized(Unavailable):
    """The token, or the App's key, is refused, or the App is no longer installed there."""

    def __init__(self, message: str) -> None:
        super().__init__(message, remedy="run `supercharge doctor`, and mend the credentials")
