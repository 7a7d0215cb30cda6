"""Everything that can go wrong, as one tree.

    SuperchargeError
    ├── BadInput            the caller's mistake: a file, a name, a key, a prototype   (exit 2)
    ├── PartUnavailable     a part is missing or down; carries the command that mends it (exit 3)
    │   ├── ModelUnavailable
    │   └── SandboxUnavailable
    └── Cancelled           somebody asked to stop; the work so far is kept

A candidate's own failure is never an exception: it is a `Verdict`.
"""

from __future__ import annotations


class SuperchargeError(Exception):
    """Base of every error that this project raises on purpose; its text is one line."""


class BadInput(SuperchargeError):
    """What was asked for cannot be done as it was asked; the message says what to change."""


class PartUnavailable(SuperchargeError):
    """A part that the work needs is missing or down.

    `remedy` is a command, or a short sentence, that mends it. `retry_after_s` is how long the part is
    known to stay away, such as until a limit begins anew; 0 where nobody knows.
    """

    def __init__(self, message: str, *, remedy: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.retry_after_s = retry_after_s


class ModelUnavailable(PartUnavailable):
    """The language model cannot be loaded or does not answer."""


class SandboxUnavailable(PartUnavailable):
    """No engine can run candidates safely, or it stopped answering and could not be replaced."""


class Cancelled(SuperchargeError):
    """The work was stopped from outside. Nothing found so far is lost."""
