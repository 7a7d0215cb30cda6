"""`LanguageModel` over the replicas of a cluster."""

from __future__ import annotations

import logging
import random
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Self

import ray
from ray.exceptions import RayError

from engine import cluster
from engine.errors import ModelUnavailable
from engine.llm.base import Completion, FinishReason, Message, Prompt, SamplingParams
from engine.llm.ray.fleet import REMEDY, Fleet, Member
from engine.llm.ray.replica import Failure, Fault, Ready
from engine.llm.settings import ModelSettings

logger = logging.getLogger(__name__)

MOST_LOSSES = 3
"""An ask at which so many replicas failed is not given to one more: it may be what kills them."""

JUDGED_AT_ONCE = 8
"""Most prompts of one call to a replica's judge, so that a batch is spread and a loss costs little."""

POLL_S = 0.1
CANCEL_S = 10.0
"""How long a cancelled ask waits for what its replicas had written by then."""


class RayModel:
    """The replicas as one model. Safe to call from several threads, which is how all are kept busy.

    A seeded ask goes to one replica whole, so that equal seeds give equal completions; the samples
    that a lost replica still owed of it are drawn anew with another seed.
    """

    def __init__(self, fleet: Fleet, info: Ready) -> None:
        self._fleet = fleet
        self._info = info
        self._is_open = True
        self._count = lru_cache(maxsize=4096)(self._count_remotely)
        self._template = lru_cache(maxsize=256)(self._template_remotely)

    @classmethod
    def open(cls, settings: ModelSettings, **how: Any) -> Self:
        """Connect, and wait for a first replica. `how` is for the `Fleet`."""
        try:
            cluster.connect(settings.ray_address)
        except cluster.NoCluster as error:
            raise ModelUnavailable(str(error), remedy=cluster.START_COMMAND) from error
        fleet = Fleet(settings, **how)
        try:
            return cls(fleet, fleet.open())
        except BaseException:
            fleet.close()
            cluster.disconnect()
            raise

    @property
    def name(self) -> str:
        """The replicas' model: the same as if it ran here."""
        return self._info.name

    @property
    def context_window(self) -> int:
        """Tokens of prompt and completion together."""
        return self._info.context_window

    @property
    def concurrency(self) -> int:
        """Asks that keep the replicas busy which are there now."""
        return self._fleet.concurrency

    @property
    def fleet(self) -> Fleet:
        """The replicas."""
        return self._fleet

    def count_tokens(self, text: str) -> int:
        """As the protocol says; some replica counts."""
        return self._count(text)

    def apply_chat_template(self, messages: Sequence[Message]) -> str | None:
        """As the protocol says; some replica's template."""
        return self._template(tuple(messages))

    def complete(
        self, prompt: Prompt, params: SamplingParams, *, cancel: threading.Event | None = None
    ) -> Iterator[Completion]:
        """As the protocol says. Raises ModelUnavailable when no replica is left for what is owed."""
        used = self.count_tokens(prompt.text)
        if not used or used >= self.context_window:
            raise ValueError(f"the prompt has {used} tokens, the window {self.context_window}")
        return _Ask(self._fleet, prompt, params, cancel or threading.Event()).run()

    def choice_logprobs(
        self, prompts: Sequence[Prompt], choices: Sequence[str]
    ) -> list[list[float]] | None:
        """As the protocol says; the prompts are spread over the replicas."""
        if not prompts or not choices:
            return [[] for _ in prompts]
        return _Judging(self._fleet, prompts, choices).run()

    def close(self) -> None:
        """Let go of the cluster; the replicas leave when no other worker speaks to them."""
        if self._is_open:
            self._is_open = False
            self._fleet.close()
            cluster.disconnect()

    def _count_remotely(self, text: str) -> int:
        return int(self._of_any(lambda actor: actor.count_tokens.remote(text)))

    def _template_remotely(self, messages: tuple[Message, ...]) -> str | None:
        told = self._of_any(lambda actor: actor.apply_chat_template.remote(messages))
        return None if told is None else str(told)

    def _of_any(self, call: Callable[[Any], Any]) -> Any:
        """What the least busy replica says."""
        while True:
            members = self._fleet.members
            if not members:
                self._fleet.wait(POLL_S)
                continue
            try:
                return ray.get(call(members[0].actor))
            except RayError as error:
                if not cluster.is_loss(error):
                    raise
                self._fleet.lost(members[0], cluster.reason(error))


@dataclass(slots=True)
class _Share:
    """What one replica owes of an ask."""

    member: Member
    owed: int


@dataclass
class _Ask:
    """One ask on its way: every sample is owed by one replica, or waits for one."""

    fleet: Fleet
    prompt: Prompt
    params: SamplingParams
    cancel: threading.Event
    _id: str = field(default_factory=lambda: uuid.uuid4().hex)
    _shares: dict[Any, _Share] = field(default_factory=dict)
    _losses: int = 0

    def __post_init__(self) -> None:
        self._waiting = self.params.n

    def run(self) -> Iterator[Completion]:
        try:
            while self._waiting or self._shares:
                if self.cancel.is_set():
                    yield from self._cancelled()
                    return
                if self._waiting:
                    self._hand_out()
                if not self._shares:
                    self.fleet.wait(POLL_S)
                    continue
                yield from self._arrived(POLL_S)
        finally:
            self._stop()

    def _hand_out(self) -> None:
        seed = self.params.seed
        for member, n in self.fleet.take(self._waiting, whole=seed is not None):
            if seed is not None and self._losses:
                seed = random.Random(f"{seed} {self._losses}").getrandbits(32)
            params = replace(self.params, n=n, seed=seed)
            stream = member.actor.complete.options(num_returns="streaming").remote(
                self._id, self.prompt, params
            )
            self._shares[stream] = _Share(member, n)
            self._waiting -= n

    def _arrived(self, timeout_s: float) -> Iterator[Completion]:
        """What has come within that time, from whichever replica."""
        streams = list(self._shares)
        ready, _ = ray.wait(streams, num_returns=1, timeout=timeout_s, fetch_local=False)
        for stream in ready:
            share = self._shares[stream]
            try:
                item = ray.get(next(stream))
            except StopIteration:
                self._end(stream)
                continue
            except RayError as error:
                if not cluster.is_loss(error):
                    # Nobody foresaw it, so nobody knows what state that process is in.
                    self.fleet.lost(share.member, cluster.reason(error))
                    raise
                self._lose(stream, cluster.reason(error))
                continue
            if isinstance(item, Completion):
                share.owed -= 1
                yield item
            elif item.fault is Fault.UNAVAILABLE:
                self._lose(stream, item)
            else:
                raise item.error()

    def _end(self, stream: Any) -> None:
        share = self._shares.pop(stream)
        self._waiting += share.owed
        self.fleet.give_back(share.member)

    def _lose(self, stream: Any, why: str | Failure) -> None:
        """Draw elsewhere what is owed. A model that only says that it cannot keeps its process."""
        share = self._shares[stream]
        self._end(stream)
        if not isinstance(why, Failure):
            self.fleet.lost(share.member, why)
        self._losses += 1
        if self._losses >= MOST_LOSSES and (self._waiting or self._shares):
            told = why.text if isinstance(why, Failure) else why
            raise ModelUnavailable(
                f"{self._losses} replicas failed at one ask: {told}", remedy=REMEDY
            )

    def _cancelled(self) -> Iterator[Completion]:
        """What the replicas had written by now, and an empty completion for every other sample."""
        self._tell_replicas()
        tries = int(CANCEL_S / POLL_S)
        while self._shares and tries:
            tries -= 1
            yield from self._arrived(POLL_S)
        owed = self._waiting + sum(share.owed for share in self._shares.values())
        for _ in range(owed):
            yield Completion("", FinishReason.CANCELLED)

    def _tell_replicas(self) -> None:
        for share in self._shares.values():
            share.member.actor.cancel.remote(self._id)

    def _stop(self) -> None:
        """Nobody listens any more: let the replicas end what they still write."""
        self._tell_replicas()
        for stream in list(self._shares):
            self._end(stream)


@dataclass
class _Judging:
    """A batch of prompts to be judged, in parts that each go to a replica and come back whole."""

    fleet: Fleet
    prompts: Sequence[Prompt]
    choices: Sequence[str]
    _losses: int = 0

    def run(self) -> list[list[float]] | None:
        size = self._size()
        waiting = [
            range(i, min(i + size, len(self.prompts))) for i in range(0, len(self.prompts), size)
        ]
        out: dict[Any, tuple[Member, range]] = {}
        found: list[list[float]] = [[] for _ in self.prompts]
        try:
            while waiting or out:
                self._hand_out(waiting, out)
                if not out:
                    self.fleet.wait(POLL_S)
                    continue
                ready, _ = ray.wait(list(out), num_returns=1, timeout=POLL_S)
                for ref in ready:
                    member, part = out.pop(ref)
                    self.fleet.give_back(member)
                    told = self._answer(ref, member)
                    if told is None:
                        return None
                    if isinstance(told, Failure):
                        waiting.append(part)
                        continue
                    found[part.start : part.stop] = told
            return found
        finally:
            for member, _ in out.values():
                self.fleet.give_back(member)

    def _size(self) -> int:
        """Prompts per part: all replicas get some, if there are enough."""
        replicas = max(1, len(self.fleet.members))
        return min(JUDGED_AT_ONCE, -(-len(self.prompts) // replicas))

    def _hand_out(self, waiting: list[range], out: dict[Any, tuple[Member, range]]) -> None:
        while waiting:
            taken = self.fleet.take(1)
            if not taken:
                return
            [(member, _)] = taken
            part = waiting.pop(0)
            prompts = self.prompts[part.start : part.stop]
            out[member.actor.choice_logprobs.remote(prompts, self.choices)] = (member, part)

    def _answer(self, ref: Any, member: Member) -> list[list[float]] | Failure | None:
        """What the replica says; a Failure when it was lost and the part is owed again."""
        try:
            told: list[list[float]] | Failure | None = ray.get(ref)
        except RayError as error:
            self.fleet.lost(member, cluster.reason(error))
            if not cluster.is_loss(error):
                raise
            told = Failure(Fault.UNAVAILABLE, cluster.reason(error), REMEDY)
        if isinstance(told, Failure):
            if told.fault is not Fault.UNAVAILABLE:
                raise told.error()
            self._losses += 1
            if self._losses >= MOST_LOSSES:
                raise told.error()
        return told
