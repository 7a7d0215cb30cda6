"""The strategy, as one pure function: what is known in, what to do next out.

It keeps the model and the sandbox busy at the same time, codes and tests in balance, and novel
samples alternating with improvements as often as those have paid. It ends the search when the best
pair's score reaches the threshold, when the budget is spent, or when the time is up.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

from engine.candidates import Kind, Origin, Pool, Tier
from engine.cascade import Cascade, threshold_of, tier_of
from engine.knobs import AS_CONFIGURED, USUAL_SHARE, Knobs, Tuned
from engine.owed import Owed, Pair, owed_pairs
from engine.selection import Choice, choose, leaders, pair_score, suite_id, weights
from engine.verdicts import Verdict

STYLES = 2
"""In how many styles each kind is asked for; novel asks take them in turn, improvements come after."""

MOST_OWED = 256
"""So many promising pairs may wait before the model waits for the sandbox: the choice needs them."""

COLDEST, HOTTEST = 0.1, 1.8
"""How far knobs can move the temperature."""

BRIEF_S = 2.0
"""Most seconds for a pair that is the first of its code or test; nearly all take milliseconds."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a search may spend, and when it is good enough.

    candidates    code replies asked for, improvements and twins included
    tests         test replies asked for, likewise
    seconds_left  wall-clock time left; the driver keeps it true
    threshold     a pair whose score reaches this ends the search
    judge_weight  how much the judge counts, 0 (told, not obeyed) to 1; see `selection.pair_score`
    min_asserts   fewest distinct asserts that must survive before anything is claimed
    code_batch    code replies per ask
    test_batch    test replies per ask
    asks_at_once  asks that the model works on at the same time; the driver keeps it true
    temperature   of the first ask; later asks are a little hotter each time
    wish          the style of asks that carry a reviewer's wish: only an answer to one of them is
                  chosen, so all asks are improvements then; empty for a search without a wish
    tuned         how the next asks differ from all this, by what has paid on this model
    cascade       what a smaller model may spend first; the rest is for the large one alone
    """

    candidates: int = 96
    tests: int = 48
    seconds_left: float = 600.0
    threshold: float = 0.8
    judge_weight: float = 0.0
    min_asserts: int = 4
    code_batch: int = 16
    test_batch: int = 12
    asks_at_once: int = 1
    temperature: float = 0.8
    wish: str = ""
    tuned: Tuned = field(default_factory=Tuned)
    cascade: Cascade | None = None

    def limit(self, kind: Kind, tier: Tier) -> int:
        """Most replies of this kind that this model is asked for."""
        if tier is Tier.SMALL and self.cascade:
            return self.cascade.limit(kind)
        return self.candidates if kind is Kind.CODE else self.tests


@dataclass(frozen=True, slots=True)
class Ask:
    """Put one question to the model, `n` times at once.

    IMPROVED and REFINED asks have a `parent`; a REFINED one shows how it failed the test `against`.
    `ordinal` counts the asks of this kind to this model, and seeds the sampling; `turn` counts those
    of them that were novel, or that were improvements, and so which style or which parent has its
    turn. `knobs` have been heeded in `n` and `temperature`; the rest is for who writes the prompt.
    """

    kind: Kind
    origin: Origin
    n: int
    temperature: float
    ordinal: int
    turn: int = 0
    parent: str | None = None
    against: str | None = None
    knobs: Knobs = AS_CONFIGURED
    tier: Tier = Tier.LARGE

    @property
    def style(self) -> str:
        """How it is put: novel asks as a dialogue and as a file that goes on, in turn."""
        if self.origin is not Origin.SAMPLED:
            return self.origin.value
        return "dialogue" if self.turn % STYLES == 0 else "completion"


@dataclass(frozen=True, slots=True)
class RunPairs:
    """Run these (code id, test id) pairs in the sandbox.

    `brief`: they are to find out what hangs, so `BRIEF_S` seconds each are enough.
    """

    pairs: tuple[Pair, ...]
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Confirm:
    """Run the file that would ship, made of `tests`, against the code and against the stub."""

    code_id: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judge:
    """Let the model judge the code, and the code with the file made of `tests`."""

    code_id: str
    tests: tuple[str, ...]
    tier: Tier = Tier.LARGE


@dataclass(frozen=True, slots=True)
class Abandon:
    """Stop work in flight: its answers are no longer needed, who does it is."""

    action: Ask | RunPairs


class StopReason(StrEnum):
    """Why a search ended."""

    SOLVED = "solved"
    EXHAUSTED = "exhausted"
    OUT_OF_TIME = "out_of_time"


@dataclass(frozen=True, slots=True)
class Stop:
    reason: StopReason


Action: TypeAlias = Ask | RunPairs | Confirm | Judge | Abandon | Stop


def next_actions(pool: Pool, budget: Budget, in_flight: Collection[Action]) -> list[Action]:
    """What to start now, given what is known and what is already being done.

    A `Stop` comes alone. An empty list means: wait for what is in flight.
    """
    if budget.seconds_left <= 0:
        return [Stop(StopReason.OUT_OF_TIME)]
    budget = replace(budget, threshold=threshold_of(pool, budget.cascade, budget.threshold))
    asking = [action for action in in_flight if isinstance(action, Ask)]
    judging = any(isinstance(action, Judge) for action in in_flight)
    sandbox_busy = any(isinstance(action, RunPairs | Confirm) for action in in_flight)
    owed = owed_pairs(pool)
    contender = choose(pool, min_asserts=budget.min_asserts, style=budget.wish)
    convincing = contender is not None and contender.evidence >= budget.threshold
    tier = tier_of(pool, budget.cascade, contender.evidence if contender else 0.0)
    change = bool(pool.asks) and not pool.asks_of(tier)
    # Before another model is asked for anything it has to be known how far the first one came.
    is_known = not (change and owed.promising)
    if (
        contender
        and convincing
        and is_known
        and _is_settled(pool, contender, owed, budget.threshold)
    ):
        # A judge whose word counts is the large model; who only tells need not be woken for it.
        judge = Tier.LARGE if budget.judge_weight else Tier.SMALL if change else tier
        proof = _prove(pool, budget, contender, in_flight, judge)
        if proof is not None:
            return proof

    running = [action for action in in_flight if isinstance(action, RunPairs)]
    actions: list[Action] = [Abandon(pairs) for pairs in running if owed.hangs(pool, pairs.pairs)]
    if not sandbox_busy and (pairs := owed.next_promising or owed.next_hopeless):
        actions.append(RunPairs(tuple(pairs), owed.is_probe))
    # What looks convincing on the pairs known so far is settled first: no new samples until then.
    most_owed = 0 if convincing or change else MOST_OWED
    known = max(len(owed.promising), len(owed.next_promising)) <= most_owed
    others_at_work = sandbox_busy or any(ask.tier is not tier for ask in asking)
    if not judging and known and not (change and others_at_work):
        actions += _next_asks(pool, budget, tier, asking)
    if not actions and not in_flight:
        # What may take its whole timeout again is for when there is nothing else to wait for.
        hanging = owed.next_hanging
        return [RunPairs(tuple(hanging))] if hanging else [Stop(StopReason.EXHAUSTED)]
    return actions


def _is_settled(pool: Pool, choice: Choice, owed: Owed, threshold: float) -> bool:
    """Whether the choice would stand even if every other code passed all that it is still owed."""
    others = [code_id for code_id, _ in owed.promising if code_id not in choice.group]
    return choice.floor(sum(weights(pool, others))) >= threshold


def _prove(
    pool: Pool, budget: Budget, choice: Choice, in_flight: Collection[Action], judge: Tier
) -> list[Action] | None:
    """Confirm and judge a choice whose evidence suffices; None when it was tried and fell short."""
    pair = (choice.code_id, suite_id(choice.tests))
    verdict = pool.verdict(*pair)
    judgement = pool.judgements.get(pair)
    if verdict is None:
        return _instead_of(RunPairs, Confirm(choice.code_id, choice.tests), in_flight)
    if verdict is not Verdict.PASSED:
        return None
    if judgement is None:
        return _instead_of(Ask, Judge(choice.code_id, choice.tests, judge), in_flight)
    if pair_score(choice.evidence, judgement.score, budget.judge_weight) < budget.threshold:
        return None
    return [Stop(StopReason.SOLVED)]


def _instead_of(
    kind: type[Ask] | type[RunPairs], action: Confirm | Judge, in_flight: Collection[Action]
) -> list[Action]:
    """Start `action`, once the work of this kind that is in its way has been stopped."""
    in_the_way = [Abandon(other) for other in in_flight if isinstance(other, kind)]
    if in_the_way:
        return list(in_the_way)
    return [] if any(isinstance(other, type(action)) for other in in_flight) else [action]


def _next_asks(pool: Pool, budget: Budget, tier: Tier, asking: Sequence[Ask]) -> list[Ask]:
    """As many questions as the model has room for beside those that it is asked already."""
    new: list[Ask] = []
    while len(asking) + len(new) < budget.asks_at_once:
        ask = _next_ask(pool, budget, tier, [*asking, *new])
        if ask is None:
            break
        new.append(ask)
    return new


def _next_ask(pool: Pool, budget: Budget, tier: Tier, asking: Sequence[Ask]) -> Ask | None:
    """The next question: of the kind that is further behind its share, novel or an improvement.

    Those in `asking` count as if they were answered.
    """
    asking = [ask for ask in asking if ask.tier is tier]
    done = {
        kind: pool.samples(kind, tier) + sum(ask.n for ask in asking if ask.kind is kind)
        for kind in Kind
    }
    limit = {kind: budget.limit(kind, tier) for kind in Kind}
    batch = {Kind.CODE: budget.code_batch, Kind.TEST: budget.test_batch}
    open_kinds = [kind for kind in Kind if done[kind] < limit[kind]]
    if not open_kinds:
        return None
    kind = min(open_kinds, key=lambda k: done[k] / limit[k])
    asked = [ask.origin for ask in pool.asks_of(tier) if ask.kind is kind]
    asked += [ask.origin for ask in asking if ask.kind is kind]
    ordinal = len(asked)
    n = min(batch[kind], limit[kind] - done[kind])
    improved = sum(1 for origin in asked if origin is not Origin.SAMPLED)
    turn = ordinal - improved
    # Each style once, then hotter: what did not turn up by then hides in less likely words.
    temperature = min(budget.temperature + 0.1 * max(turn - 1, 0), budget.temperature + 0.2)
    novel = Ask(kind, Origin.SAMPLED, n, temperature, ordinal, turn, tier=tier)
    tuned = budget.cascade.tuned if budget.cascade and tier is Tier.SMALL else budget.tuned
    if budget.wish:
        parent, _ = _what_to_improve(pool, kind, improved)
        # What it fails is no part of the wish, and may be wrong itself.
        wished = replace(novel, origin=Origin.IMPROVED, turn=improved, parent=parent)
        return wished if parent else novel
    left = limit[kind] - done[kind]
    share = improvement_share(pool, kind, usual=tuned.share_of(kind))
    if ordinal < STYLES or improved >= share * (ordinal - STYLES + 1):
        return _turned(novel, tuned, left)
    parent, against = _what_to_improve(pool, kind, improved)
    if parent is None:
        return _turned(novel, tuned, left)
    origin = Origin.REFINED if against else Origin.IMPROVED
    n = max(n // 2, 1)
    better = replace(novel, origin=origin, n=n, temperature=budget.temperature, turn=improved)
    return _turned(replace(better, parent=parent, against=against), tuned, left)


def _turned(ask: Ask, tuned: Tuned, left: int) -> Ask:
    """The ask with the knobs that were chosen for its kind and style; at most `left` replies."""
    knobs = tuned.knobs_of(ask.kind, ask.style)
    temperature = ask.temperature
    if knobs.temperature:
        temperature = min(max(temperature + knobs.temperature, COLDEST), HOTTEST)
    n = min(max(round(ask.n * knobs.samples), 1), left)
    return replace(ask, n=n, temperature=temperature, knobs=knobs)


def improvement_share(pool: Pool, kind: Kind, *, usual: float = USUAL_SHARE) -> float:
    """Which share of the asks of a kind should be improvements, from 0.1 to `usual`.

    It starts there, and follows how often an improved code passed more tests than its parent;
    an improved test pays when it brought an assert that was not known.
    """
    won = lost = 0
    for code_id in pool.candidates:
        candidate = pool.candidates[code_id]
        if candidate.kind is not kind or candidate.parent not in pool.candidates:
            continue
        if candidate.origin not in (Origin.IMPROVED, Origin.REFINED):
            continue
        if kind is Kind.TEST or _passed(pool, code_id) > _passed(pool, candidate.parent):
            won += 1
        else:
            lost += 1
    return max(0.1, usual * (won + 2) / (won + lost + 2) if lost else usual)


def _what_to_improve(pool: Pool, kind: Kind, turn: int) -> tuple[str | None, str | None]:
    """A parent from the best different behaviours in turn, and a trusted test that it fails."""
    if kind is Kind.TEST:
        best = choose(pool, min_asserts=1)
        tests = best.tests if best else pool.live_tests
        return (tests[turn % len(tests)] if tests else None), None
    best_codes = leaders(pool)
    if not best_codes:
        return None, None
    parent = best_codes[turn % min(len(best_codes), 4)]
    failed = [t for t in pool.live_tests if pool.passes(parent, t) is False]
    # The asserts written most often are the likeliest to be right.
    failed.sort(key=lambda t: -pool.seen[t])
    return parent, failed[turn % min(len(failed), 3)] if failed else None


def _passed(pool: Pool, code_id: str | None) -> int:
    return sum(1 for t in pool.live_tests if code_id and pool.passes(code_id, t))
