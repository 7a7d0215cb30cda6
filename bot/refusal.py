"""What the bot will not or cannot do."""

from __future__ import annotations


class Refusal(Exception):
    """Not done, and asking again in the same way changes nothing. The text is Markdown, safe to post.

    `silent`: nothing is said at all, not even by a reaction; for bots, which might answer.
    `stranger`: who asked may not, so they are told once and not at every try.
    """

    def __init__(self, words: str, *, silent: bool = False, stranger: bool = False) -> None:
        super().__init__(words)
        self.silent = silent
        self.stranger = stranger
