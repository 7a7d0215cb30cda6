"""From token ids, one at a time, to text, token texts and stop texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

CONTEXT_TOKENS = 8
"""Prompt tokens that the first written token is decoded after."""


class TextTracker:
    """The text of a growing sequence of tokens.

    A token has no text of its own: a character may be spread over several tokens, and some
    tokenizers drop the space of a first word. So each token's text is what it adds to the decoded
    text of those before it; bytes of an unfinished character wait for the token that ends it.
    Only the few tokens since the last finished character are ever decoded again.
    """

    def __init__(
        self,
        decode: Callable[[Sequence[int]], str],
        prompt_ids: Sequence[int],
        stop: Sequence[str] = (),
    ) -> None:
        self._decode = decode
        self._ids = list(prompt_ids[-CONTEXT_TOKENS:])
        self._known = decode(self._ids)
        self._read = len(self._ids)
        self._stop = [text for text in stop if text]
        self._longest_stop = max(map(len, self._stop), default=0)
        self.text = ""
        """What has been written, without a stop text and what follows it."""
        self.tokens: list[str] = []
        """What each token added."""

    def push(self, token_id: int) -> bool:
        """Add a token; True when the text now ends because of a stop text."""
        self._ids.append(token_id)
        decoded = self._decode(self._ids)
        # Nothing added is a special token that is not shown; it is no context to decode after.
        if len(decoded) <= len(self._known) or decoded.endswith("\ufffd"):
            self.tokens.append("")
            return False
        self.tokens.append(decoded[len(self._known) :])
        return self._advance()

    def flush(self) -> None:
        """Count the bytes of an unfinished character as text: no further token will come."""
        decoded = self._decode(self._ids)
        if self.tokens and len(decoded) > len(self._known):
            self.tokens[-1] += decoded[len(self._known) :]
            self._advance()

    def _advance(self) -> bool:
        # The tokens read now are the context of the next; everything before them is settled.
        self._ids = self._ids[self._read :]
        self._known = self._decode(self._ids)
        self._read = len(self._ids)
        start = max(0, len(self.text) - self._longest_stop + 1)
        self.text += self.tokens[-1]
        found = [at for stop in self._stop if (at := self.text.find(stop, start)) >= 0]
        if found:
            self.text = self.text[: min(found)]
        return bool(found)
