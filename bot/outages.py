"""Which part of the machine an error means, so that a request can wait for it. Pure."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from bot.forge.errors import RateLimited, Unavailable
from bot.retry import ParkReason
from bot.store.errors import StoreUnavailable
from engine.errors import ModelUnavailable, SandboxUnavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Outage:
    """A part that is down; `retry_after_s` is what the part itself asked for."""

    part: ParkReason
    reason: str
    retry_after_s: float = 0.0


def outage_of(error: BaseException) -> Outage | None:
    """The outage that `error` tells of, or None where it is nobody's outage but a fault."""
    match error:
        case ModelUnavailable():
            return Outage(ParkReason.MODEL, str(error), error.retry_after_s)
        case SandboxUnavailable():
            return Outage(ParkReason.SANDBOX, str(error), error.retry_after_s)
        case RateLimited():
            return Outage(ParkReason.GITHUB, str(error), error.retry_after_s)
        case Unavailable():
            return Outage(ParkReason.GITHUB, str(error))
        case StoreUnavailable():
            return Outage(ParkReason.DATABASE, str(error))
        case OSError(errno=number) if number in _FULL:
            return Outage(ParkReason.DISK, "the disk is full")
    return None
