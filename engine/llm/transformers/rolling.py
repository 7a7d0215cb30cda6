"""One batch for all asks: rows join it when there is room, and leave it when they are finished.

Orca's iteration-level scheduling (Yu et al. 2022, "continuous batching") over forked caches: each
ask's prompt is read once, in chunks between the tokens of the others; its rows decode together with
those of every other ask, at their own temperature and length; a row that ends makes room for one
that waits. What is admitted is bounded by the tokens of key-value cache.

There is no thread: of the callers that wait for a completion, one at a time makes the next step for
all of them. A single caller so pays nothing for the others that might be there.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from transformers.cache_utils import Cache

from engine.errors import ModelUnavailable
from engine.llm.base import Completion, FinishReason
from engine.llm.transformers import kv
from engine.llm.transformers.decoder import Decoder
from engine.llm.transformers.groups import Group, Memory
from engine.llm.transformers.row import Job, Row
from engine.llm.transformers.sampling import sample


@dataclass
class RollingBatch:
    """`complete` may be called from any number of threads; `exclusively` keeps all of them out.

    `max_tokens` is the most key-value cache that rows and their prompts may need together. A row
    alone is admitted even over that.
    """

    decoder: Decoder
    max_tokens: int
    end_ids: Callable[[], Collection[int]]
    _jobs: deque[Job] = field(default_factory=deque)
    _groups: list[Group] = field(default_factory=list)
    _joined: Cache | None = None
    _stepping: bool = False
    _wanted_alone: int = 0
    _turn: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._memory = Memory(self.max_tokens, shares_prompts=self.decoder.shares_prompts)

    def complete(self, job: Job) -> Iterator[Completion]:
        """The completions of a job as they are finished. Raises what ended it."""
        with self._turn:
            self._jobs.append(job)
        try:
            while (completion := self._wait(job)) is not None:
                # Not `yield from`: Ray sends into generators, and a tuple takes nothing.
                for one in completion:  # noqa: UP028
                    yield one
        finally:
            self._leave(job)

    def _wait(self, job: Job) -> Sequence[Completion] | None:
        """A completion, or none yet after a step that this thread made; None when it was the last."""
        with self._turn:
            self._turn.wait_for(lambda: job.ready or job.over or self._is_free())
            over = job.over  # read first: what became ready before that is seen below
            if job.ready:
                return (job.ready.popleft(),)
            if job.error is not None:
                raise job.error
            if over:
                return None
            self._stepping = True
        self._make_step()
        return ()

    def _leave(self, job: Job) -> None:
        """The caller takes no more: what is left is let go of now, or by the step that is being made.

        It never waits: a generator may be closed by the garbage collector, in the middle of a step.
        """
        job.leave()
        with self._turn:
            if job.over or not self._is_free():
                return
            self._stepping = True
        try:
            self._drop_cancelled()
        finally:
            self._pass_on()

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Between two steps, and nobody makes another one meanwhile."""
        with self._turn:
            self._wanted_alone += 1
            self._turn.wait_for(lambda: not self._stepping)
            self._wanted_alone -= 1
            self._stepping = True
        try:
            yield
        finally:
            self._pass_on()

    def _is_free(self) -> bool:
        return not self._stepping and not self._wanted_alone

    def _pass_on(self) -> None:
        with self._turn:
            self._stepping = False
            self._turn.notify_all()

    def _make_step(self) -> None:
        """One step; what breaks it ends every job that is in it."""
        try:
            self._step()
        except BaseException as error:  # noqa: BLE001 - handed to each caller, who raises it
            with self._turn:
                jobs = [*self._jobs, *(group.job for group in self._groups)]
                self._jobs.clear()
            for job in jobs:
                job.error = job.error or error
            self._set_groups([])
        finally:
            self._pass_on()

    def _step(self) -> None:
        """Let go of what was cancelled, read a chunk of a prompt, admit, and write a token a row."""
        self._drop_cancelled()
        self._read_chunk()
        self._admit()
        groups = self._groups
        for together in [groups] if self.decoder.shares_prompts else [[g] for g in groups]:
            self._write(list(together))
        if not self._jobs and not self._groups:
            self._memory.limit = self.max_tokens  # whoever took the memory may be gone

    # -- who is in it ------------------------------------------------------------------------------

    def _drop_cancelled(self) -> None:
        gone = [group for group in self._groups if group.job.cancelled]
        for group in gone:
            for row in group.rows:
                group.job.end(row, FinishReason.CANCELLED)
        if gone:
            self._set_groups([group for group in self._groups if group not in gone])
        for job in [job for job in self._waiting() if job.cancelled]:
            job.cancel_waiting()
            self._remove(job)

    def _read_chunk(self) -> None:
        """One chunk of the first prompt that has not been read, if there is room for it at all."""
        job = next((job for job in self._waiting() if job.prefilled is None), None)
        if job is None or (self._groups and self._memory.fitting(job, self._groups) < 1):
            return
        job.reading = job.reading or self.decoder.read(job.ids)
        try:
            job.prefilled = next(job.reading)
        except torch.OutOfMemoryError as error:
            job.reading = None
            self._shrink(job, error)

    def _admit(self) -> None:
        """Give rows that wait a place, in the order of the asks, while there is memory."""
        while self._jobs and self._jobs[0].prefilled is not None:
            job = self._jobs[0]
            places = min(self._memory.fitting(job, self._groups), len(job.waiting))
            if places < 1 and self._groups:
                return
            if not self._place(job, max(places, 1)):
                return
            if not job.waiting:
                self._remove(job)

    def _place(self, job: Job, places: int) -> bool:
        """Let so many rows of a job join; False where memory did not suffice."""
        assert job.prefilled is not None
        try:
            cache = kv.fork(job.prefilled.cache, rows=places, room=job.room)
            logits = job.prefilled.logits.expand(places, -1)
            rows = [job.row(index) for index in itertools.islice(job.waiting, places)]
            drawn = _drawn(logits, [(job, rows)])
        except torch.OutOfMemoryError as error:
            if places == 1:
                self._shrink(job, error)
                return False
            used = self._memory.used(self._groups)
            self._memory.limit = used + self._memory.need(job, places // 2)
            return True
        job.place(places)
        group = Group(job, rows, cache, places)
        self._take(group, *drawn)
        if group.rows:
            self._set_groups([*self._groups, group])
        return True

    def _waiting(self) -> list[Job]:
        with self._turn:
            return list(self._jobs)

    def _remove(self, job: Job) -> None:
        with self._turn:
            self._jobs.remove(job)

    def _set_groups(self, groups: list[Group]) -> None:
        self._groups, self._joined = groups, None

    # -- memory ------------------------------------------------------------------------------------

    def _shrink(self, job: Job, error: torch.OutOfMemoryError) -> None:
        """Memory did not suffice for a row: kept prompts go, then it waits for the others' end."""
        if self.decoder.forget():
            return
        if self._groups:
            self._memory.limit = self._memory.used(self._groups)
            return
        self._remove(job)
        job.error = ModelUnavailable(
            "not enough memory for one completion of this prompt",
            remedy="lower max_tokens or max_batch_tokens, or use a smaller model",
        )
        job.error.__cause__ = error.with_traceback(None)  # whose frames hold tensors

    def _evict(self, groups: Sequence[Group], error: torch.OutOfMemoryError) -> None:
        """Put at least half of the rows back, the youngest first, and keep no more than the rest."""
        half = sum(len(group.rows) for group in groups) // 2
        self._memory.limit = max(self._memory.used(self._groups) // 2, 1)
        gone: list[Group] = []
        for group in reversed(groups):
            if sum(len(each.rows) for each in gone) < max(half, 1):
                gone.append(group)
        self._set_groups([group for group in self._groups if group not in gone])
        for group in gone:
            job = group.job
            job.put_back(group.rows)
            with self._turn:
                if job not in self._jobs:
                    self._jobs.appendleft(job)
        if not self._groups and len(gone) == 1 and len(gone[0].rows) == 1:
            self._shrink(gone[0].job, error)

    # -- one token more ----------------------------------------------------------------------------

    def _write(self, groups: list[Group]) -> None:
        if not groups:
            return
        try:
            drawn = _drawn(self._forward(groups), [(group.job, group.rows) for group in groups])
        except torch.OutOfMemoryError as error:
            self._evict(groups, error)
            for group in groups:
                if group in self._groups:
                    kv.rewind(group.cache, group.written - 1)
            return
        start = 0
        for group in groups:
            end = start + len(group.rows)
            self._take(group, drawn[0][start:end], drawn[1][start:end])
            start = end
        if not all(group.rows for group in groups):
            self._set_groups([group for group in self._groups if group.rows])

    def _forward(self, groups: Sequence[Group]) -> torch.Tensor:
        ids = [[row.last_id] for group in groups for row in group.rows]
        if len(groups) == 1:
            return self.decoder.forward(ids, groups[0].cache)
        self._joined = self._joined or kv.join([group.cache for group in groups])
        lengths = [group.length for group in groups for _ in group.rows]
        return self.decoder.forward(ids, self._joined, lengths)

    def _take(self, group: Group, tokens: Sequence[int], logprobs: Sequence[float]) -> None:
        """Append what was drawn; rows that are finished leave."""
        job, ends = group.job, self.end_ids()
        group.written += 1
        gone = []
        for slot, (row, token, logprob) in enumerate(
            zip(group.rows, tokens, logprobs, strict=True)
        ):
            stopped = token in ends or row.take(token, logprob)
            if stopped or group.written == job.room:
                gone.append(slot)
                job.end(row, FinishReason.STOP if stopped else FinishReason.LENGTH)
        if len(gone) == len(group.rows):
            group.rows = []
        elif gone:
            order = kv.drop_rows(group.cache, len(group.rows), gone)
            group.rows = [group.rows[old] for old in order]


def _drawn(
    logits: torch.Tensor, rows: Sequence[tuple[Job, Sequence[Row]]]
) -> tuple[list[int], list[float]]:
    """The next token of each row and its log-probability, by its own ask's parameters."""
    each = [(job.params, row) for job, some in rows for row in some]
    return sample(
        logits,
        [params.temperature for params, _ in each],
        [params.top_p for params, _ in each],
        [row.point for _, row in each],
    )
