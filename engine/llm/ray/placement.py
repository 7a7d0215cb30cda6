"""Which node holds which replica. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

ALL_GPUS = -1.0
"""As many cards per replica as its node has."""


class Place(Protocol):
    """What counts of a node: see `engine.cluster.Node`."""

    @property
    def id(self) -> str: ...
    @property
    def cpus(self) -> float: ...
    @property
    def gpus(self) -> float: ...
    @property
    def is_here(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for one replica: the `index`-th on this node, with `gpus` cards."""

    node_id: str
    index: int
    gpus: float


def slots(nodes: Iterable[Place], *, gpus: float, salt: str = "") -> list[Slot]:
    """Where replicas of `gpus` cards each fit, best first.

    With `ALL_GPUS` a node with cards holds one replica over all of them; where no node has a card,
    every node with processors holds one. The node of this process comes first. The others follow in an
    order that differs by `salt`, so that workers with a few replicas each do not all have the same.
    """
    places = list(nodes)
    if gpus == ALL_GPUS and not any(place.gpus >= 1 for place in places):
        gpus = 0.0

    def order(place: Place) -> tuple[bool, str]:
        return not place.is_here, hashlib.sha256(f"{salt} {place.id}".encode()).hexdigest()

    found = [slot for place in sorted(places, key=order) for slot in _on(place, gpus)]
    found.sort(key=lambda slot: slot.index)  # a first one everywhere before a second one anywhere
    return found


def _on(place: Place, gpus: float) -> list[Slot]:
    if gpus == ALL_GPUS:
        return [Slot(place.id, 0, float(int(place.gpus)))] if place.gpus >= 1 else []
    if gpus == 0:
        return [Slot(place.id, 0, 0.0)] if place.cpus > 0 else []
    return [Slot(place.id, index, gpus) for index in range(int(place.gpus / gpus + 1e-9))]
