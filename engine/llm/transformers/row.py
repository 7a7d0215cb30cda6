"""A row of a batch."""

from __future__ import annotations

import random

from engine.llm.base import Completion, FinishReason
from engine.llm.detokenize import TextTracker


class Row:
    """One completion while it is being written."""

    def __init__(self, index: int, seed: int, tracker: TextTracker) -> None:
        self.index = index
        self.tracker = tracker
        # Its own generator: what a row draws does not depend on its neighbours. (A string seeds
        # the same on every platform.)
        self.rng = random.Random(f"{seed}/{index}")
        self.logprobs: list[float] = []
        self.last_id = 0

    def finish(self, reason: FinishReason) -> Completion:
        """What has been written, as a value."""
        self.tracker.flush()
        return Completion(
            text=self.tracker.text,
            finish_reason=reason,
            tokens=tuple(self.tracker.tokens),
            logprobs=tuple(self.logprobs),
        )
