"""A worker's view of the replicas: which there are, which are idle, and who takes a dead one's place.

Replicas belong to the cluster, not to a worker: they are found by name or made, and outlive whoever
made them. One thread looks round: it makes replicas on nodes that joined or where one died, and
greets those that are there, so that they stay.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from engine import cluster
from engine.errors import ModelUnavailable
from engine.llm.ray.placement import Slot, slots
from engine.llm.ray.replica import CALLS, LIGHT_CALLS, Failure, Fault, Ready, Replica
from engine.llm.settings import ModelSettings

logger = logging.getLogger(__name__)

KEEP_S = 120.0
"""How long a replica outlives the last worker that spoke to it: a restart finds it still loaded."""
LOOK_EVERY_S = 2.0
LOOK_NODE_S = 0.05
"""So much more between two looks for every node: a thousand workers look at a thousand nodes."""
LOAD_S = 1800.0
"""A replica that has not loaded by then is given up."""
REST_S = 60.0
"""How long a place where the model could not be loaded is left alone."""
CRASH_REST_S = 5.0
"""How long one is where the process died over it."""
ONE_SHARE = 4
"""Fewest samples that are worth a reading of the prompt on another replica."""
REMEDY = "see `ray status`; docs/operations.md says how nodes are started"


@dataclass(eq=False, slots=True)
class Member:
    """One replica, as this worker knows it. `info` is None while it loads; `asks` are ours alone."""

    slot: Slot
    actor: Any
    loading: Any
    since: float
    info: Ready | None = None
    asks: int = 0
    greeting: Any = None

    @property
    def room(self) -> int:
        """Asks that it could take from us at once."""
        return self.info.concurrency - self.asks if self.info else 0


@dataclass
class Fleet:
    """All replicas of one model. Safe to call from any thread. `close` it."""

    settings: ModelSettings
    keep_s: float = KEEP_S
    look_every_s: float = LOOK_EVERY_S
    _members: dict[Slot, Member] = field(default_factory=dict)
    _rests: dict[Slot, float] = field(default_factory=dict)
    _why: Failure = field(default_factory=lambda: _unavailable("no node has room for one"))

    def __post_init__(self) -> None:
        self._key = key_of(self.settings)
        self._changed = threading.Condition()
        self._looking = threading.Lock()
        self._closed = threading.Event()
        self._nodes = 0
        self._thread = threading.Thread(target=self._look_round, name="replicas", daemon=True)

    def open(self) -> Ready:
        """Wait until one replica has loaded. Raises ModelUnavailable, BadInput when none can."""
        while True:
            self.look()
            with self._changed:
                for member in self._members.values():
                    if member.info:
                        self._thread.start()
                        return member.info
                loading = [member.loading for member in self._members.values()]
            if not loading:
                raise self._why.error()
            ray.wait(loading, num_returns=1, timeout=self.look_every_s)

    def close(self) -> None:
        """Stop looking. The replicas leave on their own when no other worker is there."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def concurrency(self) -> int:
        """Asks that all replicas work on at once, and one more for each.

        That one waits here while the replies of the last one are cleaned, so that no card does.
        """
        with self._changed:
            return sum(m.info.concurrency + 1 for m in self._members.values() if m.info)

    @property
    def members(self) -> list[Member]:
        """Those that have loaded, the least busy first."""
        with self._changed:
            return sorted((m for m in self._members.values() if m.info), key=lambda m: m.asks)

    def take(self, samples: int, *, whole: bool = False) -> list[tuple[Member, int]]:
        """Replicas with room, and how many of the samples each should draw; empty when none has room.

        An ask is split over idle replicas alone, in shares of at least `ONE_SHARE`; `whole` keeps
        it together. Give each one back.
        """
        with self._changed:
            free = sorted(
                (m for m in self._members.values() if m.room > 0), key=lambda member: member.asks
            )
            idle = [member for member in free if not member.asks]
            split = 1 if whole else max(1, min(len(idle), samples // ONE_SHARE))
            taken = (idle or free)[:split]
            for member in taken:
                member.asks += 1
        shares = [samples // split + (index < samples % split) for index in range(split)]
        return list(zip(taken, shares, strict=False))

    def give_back(self, member: Member) -> None:
        """One ask of ours has ended there."""
        with self._changed:
            member.asks -= 1
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> None:
        """Wait for room. Raises ModelUnavailable when no replica is left and none is to come."""
        with self._changed:
            if any(m.room > 0 for m in self._members.values()):
                return
            if self._members:
                self._changed.wait(timeout_s)
                return
        self.look()
        if not self._members:
            # Also where what is configured is not on the nodes any more: it was when this was opened.
            raise ModelUnavailable(self._why.text, remedy=self._why.remedy or REMEDY)

    def lost(self, member: Member, why: str | Failure) -> None:
        """The replica is gone, or no good: another is made in its place when somebody looks."""
        with self._changed:
            if self._members.get(member.slot) is not member:
                return
            del self._members[member.slot]
            self._why = why if isinstance(why, Failure) else _unavailable(why)
            self._changed.notify_all()
        told = why.text if isinstance(why, Failure) else why
        logger.warning("a replica on node %s was lost: %s", member.slot.node_id[:8], told)
        ray.kill(member.actor, no_restart=True)

    def look(self) -> None:
        """Look round once: nodes that came or went, replicas that loaded or died."""
        with self._looking:
            try:
                nodes = cluster.nodes()
            except cluster.NoCluster as error:
                self._why = _unavailable(str(error))
                return
            self._nodes = len(nodes)
            here = "".join(node.id for node in nodes if node.is_here)
            now, most = time.monotonic(), self.settings.ray_replicas
            for slot in slots(nodes, gpus=self.settings.ray_gpus, salt=here):
                is_free = slot not in self._members and self._rests.get(slot, 0.0) <= now
                if is_free and (not most or len(self._members) < most):
                    self._start(slot, now)
            alive = {node.id for node in nodes}
            for member in list(self._members.values()):
                if member.slot.node_id not in alive:
                    self.lost(member, "its node is gone")
                elif member.info is None:
                    self._see_whether_loaded(member, now)
                else:
                    self._greet(member)

    def _look_round(self) -> None:
        while not self._closed.wait(self.look_every_s + LOOK_NODE_S * self._nodes):
            try:
                self.look()
            except (RayError, ConnectionError, RuntimeError, ValueError) as error:
                logger.warning("could not look after the replicas: %s", cluster.reason(error))

    def _start(self, slot: Slot, now: float) -> None:
        name = f"{self._key}-{slot.node_id}-{slot.index}"
        place = NodeAffinitySchedulingStrategy(slot.node_id, soft=False)
        actor = (
            _actor_class()
            .options(
                name=name,
                get_if_exists=True,
                lifetime="detached",
                num_cpus=0,
                num_gpus=slot.gpus,
                max_restarts=0,
                max_task_retries=0,
                max_concurrency=CALLS,
                scheduling_strategy=place,
            )
            .remote(inner_settings(self.settings), self.keep_s)
        )
        member = Member(slot, actor, actor.ready.remote(), now)
        with self._changed:
            self._members[slot] = member

    def _see_whether_loaded(self, member: Member, now: float) -> None:
        done, _ = ray.wait([member.loading], timeout=0)
        if not done:
            if now - member.since > LOAD_S:
                self._give_up(member, f"it did not load within {LOAD_S:.0f} s", now)
            return
        try:
            info = ray.get(member.loading)
        except RayError as error:
            self._give_up(member, cluster.reason(error), now)
            return
        if isinstance(info, Failure):
            self._give_up(member, info, now)
            return
        with self._changed:
            member.info = info
            self._changed.notify_all()

    def _give_up(self, member: Member, why: str | Failure, now: float) -> None:
        rest_s = REST_S if isinstance(why, Failure) else CRASH_REST_S
        self._rests[member.slot] = now + rest_s
        self.lost(member, why)

    def _greet(self, member: Member) -> None:
        if member.greeting is not None:
            done, _ = ray.wait([member.greeting], timeout=0)
            if not done:
                return  # a busy process answers late; a dead one is told of by an error
            try:
                ray.get(member.greeting)
            except RayError as error:
                self.lost(member, cluster.reason(error))
                return
        member.greeting = member.actor.hello.remote()


def inner_settings(settings: ModelSettings) -> ModelSettings:
    """What each replica opens: the same model, without the cluster."""
    plain = ModelSettings()
    return replace(
        settings,
        backend=settings.ray_backend,
        openai=plain.openai,
        ray_address=plain.ray_address,
        ray_backend=plain.ray_backend,
        ray_replicas=plain.ray_replicas,
        ray_gpus=plain.ray_gpus,
    )


def key_of(settings: ModelSettings) -> str:
    """Names the replicas: workers with other settings, or of another version, have their own."""
    return hashlib.sha256(f"{inner_settings(settings)} {_version()}".encode()).hexdigest()[:16]


@cache
def _version() -> str:
    """A hash of the code that runs in replicas."""
    folder = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _actor_class() -> Any:
    light = ray.method(concurrency_group="light")

    class ModelReplica(Replica):
        pass

    for name in ("hello", "cancel", "count_tokens", "apply_chat_template"):
        setattr(ModelReplica, name, light(getattr(Replica, name)))
    return ray.remote(concurrency_groups={"light": LIGHT_CALLS})(ModelReplica)


def _unavailable(why: str) -> Failure:
    return Failure(Fault.UNAVAILABLE, f"no replica of the model is left: {why}", REMEDY)
