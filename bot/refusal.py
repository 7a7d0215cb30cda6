"""What the bot will not or cannot do, in one line for the one who asked."""

from __future__ import annotations


class Refusal(Exception):
    """Not done, and asking again in the same way changes nothing. The text may quote what others wrote.

    `silent` is for those who are not owed words: they get none, so that nobody can make the bot talk.
    """

    def __init__(self, words: str, *, silent: bool = False) -> None:
        super().__init__(words)
        self.silent = silent
