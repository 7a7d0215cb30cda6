"""One completion as it grows, piece by piece. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.llm.base import Completion, FinishReason
from engine.llm.openai.replies import Delta

_FENCE = re.compile(r"\s*```\w*[ \t]*\n")
_HALF_A_FENCE = re.compile(r"\s*(`{1,3}\w*[ \t]*)?")
_CHARACTERS_PER_TOKEN = 4


@dataclass
class Writing:
    """A completion in the making; stop texts are cut off here, whether the server knew them or not.

    `opening` is None where the reply goes on from the prompt's last character. A chat that cannot do
    that begins anew: then it is how the reply was asked to begin, and what it says of that once more is
    no part of the text. A reply in a form of its own is left whole, for the cleaner.
    """

    stop: Sequence[str] = ()
    opening: str | None = None
    finish_reason: FinishReason | None = None
    cut: bool = False
    """Whether it ended here, and not at the server, which may write on."""
    _reply: str = ""
    _tokens: list[str] = field(default_factory=list)
    _logprobs: list[float] = field(default_factory=list)
    _told: bool = True

    def push(self, delta: Delta) -> None:
        """Add what came; after the end nothing is added."""
        if self.finish_reason is not None:
            return
        start = max(0, len(self._reply) - max(map(len, self.stop), default=0))
        self._reply += delta.text
        self._tokens += delta.tokens
        self._logprobs += delta.logprobs
        self._told = self._told and not (delta.text and not delta.tokens)
        if self._stopped(start, final=delta.finish_reason is not None):
            self.finish_reason = FinishReason.STOP
            self.cut = delta.finish_reason is None
        elif delta.finish_reason:
            length = delta.finish_reason == "length"
            self.finish_reason = FinishReason.LENGTH if length else FinishReason.STOP

    @property
    def written(self) -> int:
        """Tokens so far; where the server does not tell them, a guess from the text."""
        return len(self._tokens) or -(-len(self._reply) // _CHARACTERS_PER_TOKEN)

    def completion(self) -> Completion:
        """What has been written; CANCELLED where it has not ended."""
        begin = self._begin(final=True) or 0
        tokens, logprobs = aligned(self._reply, self._tokens), list(self._logprobs)
        if not self._told or not "".join(tokens).startswith(self._reply):
            tokens, logprobs = [], []
        dropped = 0
        while begin and tokens and dropped + len(tokens[0]) <= begin:
            dropped += len(tokens.pop(0))
            logprobs.pop(0)
        if tokens and begin:
            tokens[0] = tokens[0][begin - dropped :]
        return Completion(
            text=self._reply[begin:],
            finish_reason=self.finish_reason or FinishReason.CANCELLED,
            tokens=tuple(tokens),
            logprobs=tuple(logprobs),
        )

    def _stopped(self, start: int, *, final: bool) -> bool:
        begin = self._begin(final=final)
        # A reply that does not begin as asked may open with what would end one that does.
        if begin is None or (begin == 0 and self.opening and _without_fence(self.opening)):
            return False
        if start <= begin or self.opening is not None:
            start = begin
        found = [at for stop in self.stop if stop and (at := self._reply.find(stop, start)) >= 0]
        if found:
            self._reply = self._reply[: min(found)]
        return bool(found)

    def _begin(self, *, final: bool) -> int | None:
        if self.opening is None:
            return 0
        return restated(self._reply, self.opening, final=final)


def restated(reply: str, opening: str, *, final: bool) -> int | None:
    """How many characters of `reply` say again how it was asked to begin; None while that is open.

    The fence of `opening` counts as said with another language, or left out. An empty `opening` is
    nothing but a fence, which may be there.
    """
    fence = _FENCE.match(reply)
    after = fence.end() if fence else 0
    if not fence and not final and _HALF_A_FENCE.fullmatch(reply):
        return None
    wanted = _without_fence(opening)
    if not wanted:
        return after
    if not fence:
        after = len(reply) - len(reply.lstrip())
    rest = reply[after:]
    if rest.startswith(wanted):
        return after + len(wanted)
    return None if not final and wanted.startswith(rest) else 0


def _without_fence(opening: str) -> str:
    fence = _FENCE.match(opening)
    return opening[fence.end() :] if fence else opening


def aligned(text: str, tokens: Sequence[str]) -> list[str]:
    """Each token's share of `text`, where the texts of some are halves of characters.

    What no token spells goes to the last of those that could have spelt it. Past the end of `text`
    (a stop text was cut off) tokens have the texts of their own.
    """
    shares: list[str] = []
    at = unspelt = 0
    for token in tokens:
        spelt = bool(token) and "\ufffd" not in token
        rest = text[at : at + unspelt + len(token) + 1]
        gap = rest.find(token) if spelt else -1
        if spelt and token.startswith(rest):
            shares.append(token)
            at, unspelt = len(text), 0
        elif 0 <= gap <= unspelt:
            if gap:
                shares[-1] += rest[:gap]
            shares.append(token)
            at, unspelt = at + gap + len(token), 0
        elif spelt:
            shares.append(token)  # no part of this text, which the caller sees by the sum
        else:
            shares.append("")
            unspelt += 1
    if unspelt and at < len(text):
        shares[-1] += text[at:]
    return shares
