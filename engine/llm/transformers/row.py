"""What is being written: rows, and the asks that they belong to."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from engine.llm.base import Completion, FinishReason, SamplingParams
from engine.llm.detokenize import TextTracker
from engine.llm.transformers.kv import Prefilled


class Row:
    """One completion while it is being written."""

    def __init__(self, index: int, seed: int, tracker: TextTracker) -> None:
        self.index = index
        self.tracker = tracker
        # Its own generator: what a row draws does not depend on its neighbours. (A string seeds
        # the same on every platform.)
        self._rng = random.Random(f"{seed}/{index}")
        self._point: float | None = None
        self.logprobs: list[float] = []
        self.last_id = 0

    @property
    def point(self) -> float:
        """The random number in [0, 1) that decides the next token.

        It stays the same until a token is taken, so that a step that failed can be made again.
        """
        if self._point is None:
            self._point = self._rng.random()
        return self._point

    def take(self, token_id: int, logprob: float) -> bool:
        """Append a token; True when the text ends with it because of a stop text."""
        self._point = None
        self.last_id = token_id
        self.logprobs.append(logprob)
        return self.tracker.push(token_id)

    def finish(self, reason: FinishReason) -> Completion:
        """What has been written, as a value."""
        self.tracker.flush()
        return Completion(
            text=self.tracker.text,
            finish_reason=reason,
            tokens=tuple(self.tracker.tokens),
            logprobs=tuple(self.logprobs),
        )


class Job:
    """One ask on its way through the batch.

    ids        the prompt's tokens
    room       most tokens that a row may write
    waiting    indices of the rows that have no place in the batch
    running    how many rows have one
    ready      completions that the caller has not taken yet
    prefilled  the prompt, once it has been read; `reading` is the reading of it, while that lasts
    error      what ended the ask, for its caller to raise
    """

    def __init__(
        self,
        ids: Sequence[int],
        params: SamplingParams,
        room: int,
        decode: Callable[[Sequence[int]], str],
        cancel: threading.Event | None = None,
    ) -> None:
        self.ids = tuple(ids)
        self.params = params
        self.room = room
        self.waiting = deque(range(params.n))
        self.running = 0
        self.ready: deque[Completion] = deque()
        self.prefilled: Prefilled | None = None
        self.reading: Iterator[Prefilled | None] | None = None
        self.error: BaseException | None = None
        self._decode = decode
        self._cancel = cancel
        self._left = False
        known = params.seed
        self._seed = random.SystemRandom().getrandbits(63) if known is None else known

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for what is unfinished."""
        return self._left or (self._cancel is not None and self._cancel.is_set())

    @property
    def over(self) -> bool:
        """Whether no further completion will become ready."""
        return self.error is not None or not (self.waiting or self.running)

    def leave(self) -> None:
        """The caller takes no more completions."""
        self._left = True

    def row(self, index: int) -> Row:
        """The row with this index at its beginning; begun again, it comes out the same."""
        return Row(index, self._seed, TextTracker(self._decode, self.ids, self.params.stop))

    # Callers look at a job while another thread makes a step. What leaves one place is in the next
    # one first, so that nobody sees it in none and takes the job to be over.

    def place(self, rows: int) -> None:
        """So many of the rows that wait have a place now."""
        self.running += rows
        for _ in range(rows):
            self.waiting.popleft()

    def put_back(self, rows: Sequence[Row]) -> None:
        """These rows lost their place: they begin again before those that never had one."""
        self.waiting.extendleft(sorted((row.index for row in rows), reverse=True))
        self.running -= len(rows)

    def end(self, row: Row, reason: FinishReason) -> None:
        """A running row is finished."""
        self.ready.append(row.finish(reason))
        self.running -= 1

    def cancel_waiting(self) -> None:
        """Rows without a place end with nothing written."""
        while self.waiting:
            self.ready.append(self.row(self.waiting[0]).finish(FinishReason.CANCELLED))
            self.waiting.popleft()
