"""The log-probabilities of given answers, from the likeliest tokens at each place. Pure.

A server tells the likeliest tokens at the places of the reply that it would give. A choice is followed
along that reply as far as it agrees with it; where it parts, the token that parts it from the others is
among the likeliest, or the choice is less likely than all of them. What is left of a choice after it
is alone is taken to be certain: `1` before `.0`. Where several choices part together, their common
beginning is a prompt to ask again with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

UNTOLD = 1.0
"""How much less likely, in nats, an untold token is taken to be than the last one told."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a reply: its token, and the likeliest ones there with their log-probabilities."""

    token: str
    tops: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Open:
    """Choices that begin alike: after `text`, which has `logprob`, somebody has to ask again."""

    text: str
    logprob: float
    choices: tuple[str, ...]


@dataclass
class Spread:
    """What is known: log-probabilities of some choices, and where to ask for the others."""

    known: dict[str, float] = field(default_factory=dict)
    unlikely: dict[str, float] = field(default_factory=dict)
    """Upper bounds for choices that the server did not mention."""
    open: list[Open] = field(default_factory=list)


def spread(
    places: Sequence[Place], choices: Sequence[str], text: str = "", logprob: float = 0.0
) -> Spread:
    """Follow `choices`, which all begin with `text` (its log-probability is `logprob`)."""
    found = Spread()
    here = list(choices)
    for place in places:
        done = [choice for choice in here if choice == text]
        found.known.update(dict.fromkeys(done, logprob))
        here = [choice for choice in here if choice != text]
        if not here or not place.tops:
            break
        groups: dict[str, list[str]] = {}
        for choice in here:
            token = _next_token(choice[len(text) :], place.tops)
            if token is None:
                found.unlikely[choice] = logprob + min(place.tops.values()) - UNTOLD
            else:
                groups.setdefault(token, []).append(choice)
        here = groups.pop(place.token, [])
        for token, group in groups.items():
            _part(found, text + token, logprob + place.tops[token], group)
        if here:
            _finish(found, here, text + place.token, logprob + place.tops[place.token])
            here = [choice for choice in here if choice not in found.known]
        text, logprob = text + place.token, logprob + place.tops.get(place.token, 0.0)
    if here:
        _part(found, text, logprob, here)
    return found


def _finish(found: Spread, choices: Sequence[str], text: str, logprob: float) -> None:
    """Those that end within `text` are known."""
    found.known.update({choice: logprob for choice in choices if text.startswith(choice)})


def _part(found: Spread, text: str, logprob: float, choices: Sequence[str]) -> None:
    """Choices that leave the reply together: known if one, to be asked for if several."""
    _finish(found, choices, text, logprob)
    rest = [choice for choice in choices if choice not in found.known]
    if len(rest) == 1:
        found.known[rest[0]] = logprob
    elif rest:
        found.open.append(Open(text, logprob, tuple(rest)))


def _next_token(rest: str, tops: Mapping[str, float]) -> str | None:
    """The likeliest told token that `rest` can go on with, or that ends it at a word's end."""
    fitting = [
        token
        for token in tops
        if token
        and (rest.startswith(token) or (token.startswith(rest) and not token[len(rest)].isalnum()))
    ]
    return max(fitting, key=lambda token: tops[token], default=None)


def shared(opened: Open) -> dict[str, float]:
    """The last resort: choices that nobody can tell apart share what is known of them."""
    each = opened.logprob - math.log(len(opened.choices))
    return dict.fromkeys(opened.choices, each)
