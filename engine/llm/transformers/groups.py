"""Rows that have a place in the batch, and the memory that these places take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transformers.cache_utils import Cache

from engine.llm.transformers import kv
from engine.llm.transformers.row import Job, Row


@dataclass(eq=False)
class Group:
    """Rows of one ask that joined the batch together, and so have written equally much.

    `places` is for how many rows there is memory, `written` how many tokens each row has.
    """

    job: Job
    rows: list[Row]
    cache: Cache
    places: int
    written: int = 0

    @property
    def length(self) -> int:
        """Tokens in the cache: the prompt and all that was written but the last."""
        return len(self.job.ids) + self.written - 1


@dataclass
class Memory:
    """Counts tokens of key-value cache. `limit` is how many there may be, less while memory is short.

    A row counts as long as it may become, so that what has a place never has to lose it.
    """

    limit: int
    shares_prompts: bool

    def need(self, job: Job, rows: int) -> int:
        """Tokens for so many rows, written to their ends, and for their prompt."""
        if self.shares_prompts:
            return len(job.ids) + rows * job.room
        return rows * (len(job.ids) + job.room)

    def used(self, groups: Sequence[Group]) -> int:
        """Tokens that have been given away."""
        return sum(self.need(group.job, group.places) for group in groups)

    def fitting(self, job: Job, groups: Sequence[Group]) -> int:
        """How many more rows of this job there is memory for, if need be in finished rows' places."""
        fixed, each = self.need(job, 0), self.need(job, 1) - self.need(job, 0)
        if self.limit - self.used(groups) - fixed < each:
            self._compact(groups)
        return (self.limit - self.used(groups) - fixed) // each

    def _compact(self, groups: Sequence[Group]) -> None:
        """Take back the places of finished rows."""
        for group in groups if self.shares_prompts else ():
            if len(group.rows) * 2 <= group.places:
                kv.compact(group.cache)
                group.places = len(group.rows)
