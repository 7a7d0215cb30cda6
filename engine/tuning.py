"""Self-tuning: how to ask this model, learnt from what earlier asks came to.

A bandit. Each knob of an ask has a few levels, the first of which is the configured value. What an ask
brought per second is taken as a Poisson rate of its levels, so a level's posterior is a Gamma, and each
next ask takes a level drawn from the posteriors (Thompson 1933; Chapelle and Li 2011, "An Empirical
Evaluation of Thompson Sampling"). Knobs are learnt one beside the other, not in combination: a search
makes some ten asks, too few for a grid. So one knob of an ask is drawn, and the others stand at what is
best by now.

Exploring is paid for beforehand. Another level than the configured one is only tried while all that was
brought so far, and nothing for the next ask, is still `floor` times what the configured values would
have brought in that time (Wu et al. 2016, "Conservative Bandits"; the bound here is one standard
deviation, where theirs holds with high probability). So an empty history asks as configured.

Pure: outcomes in, `Tuner` out; a `Tuner` and a seed in, `Tuned` out.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType

from engine.candidates import Kind, Origin
from engine.knobs import AS_CONFIGURED, USUAL_SHARE, Group, Knobs, Part, Tuned

NUMBERS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {"temperature": (0.0, -0.2, 0.2), "samples": (1.0, 0.5, 2.0), "max_tokens": (1.0, 0.5, 1.5)}
)
"""The levels of each knob that is a number, the configured one first."""

KEPT, LEFT_OUT = 1.0, 0.0
"""The levels of a part."""

STYLES = ("dialogue", "completion", Origin.IMPROVED.value, Origin.REFINED.value)
"""The styles of asks that are tuned: a novel ask's two, and how an improvement asks."""

MEMORY = 0.995
"""What an outcome still counts once the next one of its level came: some 200 are remembered."""

FEWEST = 15.5
"""So many remembered asks as configured there must be before anything else is tried: 17 in fact."""

PRIOR_EVENTS = 2.0
"""How much the mean of all levels counts in each one's posterior, in independent events."""

LEAST_DISPERSION = 4.0
"""Samples of one ask hang together, so their number says less. It is estimated, never below this."""

SHARE_DRAWS = 64
LEAST_SHARE, MOST_SHARE = 0.1, 0.75
"""What the share of improvements keeps to, and by how many draws it is told."""

Level = tuple[str, float]
"""A knob's or a part's name, and its value."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one ask was, and what it brought.

    `useful` is what `engine.outcomes` counts; `samples` replies came in `seconds`. `parts` are those
    that the prompt could have had, of which `knobs.without` were left out.
    """

    kind: Kind
    style: str
    knobs: Knobs
    parts: frozenset[Part]
    useful: float
    samples: int
    tokens: int
    seconds: float

    @property
    def levels(self) -> list[Level]:
        """The level of every knob and part; a part that was not there to leave out has none."""
        numbers = [(name, float(getattr(self.knobs, name))) for name in NUMBERS]
        left_out = self.knobs.without
        return numbers + [
            (p.value, LEFT_OUT if p in left_out else KEPT) for p in sorted(self.parts)
        ]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over asks, of which older ones count less. `squares` are of `useful`, per second."""

    asks: float = 0.0
    useful: float = 0.0
    seconds: float = 0.0
    squares: float = 0.0

    def plus(self, outcome: Outcome) -> Sums:
        return Sums(
            MEMORY * self.asks + 1,
            MEMORY * self.useful + outcome.useful,
            MEMORY * self.seconds + outcome.seconds,
            MEMORY * self.squares + outcome.useful**2 / outcome.seconds,
        )

    @property
    def is_known(self) -> bool:
        """Whether there were enough asks to go by."""
        return self.asks >= FEWEST

    @property
    def rate(self) -> float:
        """Useful candidates per second."""
        return self.useful / self.seconds if self.seconds else 0.0

    @property
    def dispersion(self) -> float:
        """How much more the asks vary than a Poisson count would: Pearson's estimate of it.

        McCullagh and Nelder 1989, "Generalized Linear Models", §6.2. By it all counts are divided.
        """
        if self.asks < 2 or not self.rate:
            return LEAST_DISPERSION
        return max((self.squares / self.rate - self.useful) / (self.asks - 1), LEAST_DISPERSION)

    @property
    def highest_rate(self) -> float:
        """The rate, one standard deviation up; above 0 even where nothing was useful so far."""
        events = self.useful / self.dispersion
        return self.dispersion * (events + math.sqrt(events + 1)) / self.seconds


_NOTHING = Sums()


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one group: of all its asks, of those as configured, and by level."""

    all: Sums = _NOTHING
    configured: Sums = _NOTHING
    levels: Mapping[Level, Sums] = field(default_factory=dict)

    def plus(self, outcome: Outcome) -> Record:
        grown = {level: self.of(level).plus(outcome) for level in outcome.levels}
        as_configured = outcome.knobs == AS_CONFIGURED
        return Record(
            all=self.all.plus(outcome),
            configured=self.configured.plus(outcome) if as_configured else self.configured,
            levels={**self.levels, **grown},
        )

    @property
    def offered(self) -> dict[str, tuple[float, ...]]:
        """The levels to choose from: of every number, and of the parts that prompts had."""
        parts = [part for part in Part if self.of((part.value, KEPT)).asks]
        return {**NUMBERS, **{part.value: (KEPT, LEFT_OUT) for part in parts}}

    def of(self, level: Level) -> Sums:
        return self.levels.get(level, _NOTHING)


@dataclass(frozen=True, slots=True)
class Tuner:
    """All that was learnt about one model with its prompts.

    `floor`, from 0 to 1, is the part of what the configured values bring that is never put at risk;
    at 1 nothing else is ever tried.
    """

    floor: float = 0.9
    records: Mapping[Group, Record] = field(default_factory=dict)

    def learnt(self, outcomes: Iterable[Outcome]) -> Tuner:
        """This tuner, and what these outcomes say besides, the oldest of them first."""
        return reduce(Tuner._plus, outcomes, self)

    def _plus(self, outcome: Outcome) -> Tuner:
        if outcome.seconds <= 0:
            return self
        group = (outcome.kind, outcome.style)
        record = self.records.get(group, Record()).plus(outcome)
        return replace(self, records={**self.records, group: record})

    def tuned(self, seed: str) -> Tuned:
        """The choice for the next ask of each group; the same seed gives the same choice."""
        groups = sorted(self.records)
        rng = {group: random.Random(f"{seed} {group[0]} {group[1]}") for group in groups}
        return Tuned(
            knobs={group: self._knobs(group, rng[group]) for group in groups},
            shares={kind: self._share(kind, random.Random(f"{seed} {kind}")) for kind in Kind},
        )

    def best(self, group: Group) -> Knobs:
        """What pays best by now, by the means; as configured where too little is known."""
        record = self.records.get(group)
        if record is None or not record.configured.is_known:
            return AS_CONFIGURED
        return _knobs({n: _best(record, n, values) for n, values in record.offered.items()})

    def may_explore(self, group: Group) -> bool:
        """Whether enough was brought so far that an ask of this group may bring nothing."""
        record = self.records.get(group)
        if record is None or not record.configured.is_known:
            return False
        put_by = sum(self._put_by(r) for g, r in self.records.items() if g[0] is group[0])
        # The next ask may take twice the replies, and so about twice the time.
        dearest = 2 * record.all.seconds / record.all.asks
        return put_by >= self.floor * record.configured.highest_rate * dearest

    def _put_by(self, record: Record) -> float:
        """What a group has brought beyond the floor; what it is worth as configured must be known."""
        if not record.configured.is_known:
            return 0.0
        return record.all.useful - self.floor * record.configured.highest_rate * record.all.seconds

    def _knobs(self, group: Group, rng: random.Random) -> Knobs:
        if self.floor >= 1 or not self.may_explore(group):
            return AS_CONFIGURED
        record = self.records[group]
        tried = rng.choice(list(record.offered))
        chosen = {
            name: _drawn(record, name, values, rng)
            if name == tried
            else _best(record, name, values)
            for name, values in record.offered.items()
        }
        return _knobs(chosen)

    def _share(self, kind: Kind, rng: random.Random) -> float:
        """How often, by draws from both posteriors, improvements bring more than novel asks."""
        records = {style: r for (k, style), r in self.records.items() if k is kind}
        better = _together(records[s].all for s in records if s in STYLES[2:])
        novel = _together(records[s].all for s in records if s in STYLES[:2])
        if self.floor >= 1 or not (better.is_known and novel.is_known):
            return USUAL_SHARE
        both = _together([better, novel])
        ours, theirs = Posterior.of(both, better), Posterior.of(both, novel)
        won = sum(ours.draw(rng) > theirs.draw(rng) for _ in range(SHARE_DRAWS))
        return min(max(won / SHARE_DRAWS, LEAST_SHARE), MOST_SHARE)


def _knobs(chosen: Mapping[str, float]) -> Knobs:
    numbers = {name: chosen[name] for name in NUMBERS}
    without = frozenset(part for part in Part if chosen.get(part.value) == LEFT_OUT)
    return Knobs(**numbers, without=without)


def _best(record: Record, name: str, values: tuple[float, ...]) -> float:
    """The value of the highest mean among those that were tried; the configured one among equals."""
    known = [v for v in values if v == values[0] or record.of((name, v)).asks]
    return max(known, key=lambda v: Posterior.of(record.all, record.of((name, v))).mean)


def _drawn(record: Record, name: str, values: tuple[float, ...], rng: random.Random) -> float:
    """The value that wins one draw from each posterior."""
    draws = {v: Posterior.of(record.all, record.of((name, v))).draw(rng) for v in values}
    return max(values, key=lambda value: draws[value])


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of a level's rate: a Gamma of so many independent events in so many seconds."""

    events: float
    seconds: float

    @classmethod
    def of(cls, whole: Sums, level: Sums) -> Posterior:
        """It begins at the mean of the whole group."""
        # Where nothing was ever of use, half an event keeps the prior proper.
        mean = (whole.useful + 0.5) / whole.seconds
        return cls(
            PRIOR_EVENTS + level.useful / whole.dispersion,
            PRIOR_EVENTS / mean + level.seconds / whole.dispersion,
        )

    @property
    def mean(self) -> float:
        return self.events / self.seconds

    def draw(self, rng: random.Random) -> float:
        return rng.gammavariate(self.events, 1 / self.seconds)


def _together(tallies: Iterable[Sums]) -> Sums:
    kept = list(tallies)
    return Sums(
        sum(t.asks for t in kept),
        sum(t.useful for t in kept),
        sum(t.seconds for t in kept),
        sum(t.squares for t in kept),
    )
