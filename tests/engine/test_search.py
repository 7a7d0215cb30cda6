"""The driver on a scripted model and the real sandbox."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.stubs import spec_from_prototype, spec_from_source
from engine import poolfile
from engine.candidates import Entry, Kind, Origin, Pool, Tier
from engine.cascade import Cascade
from engine.errors import BadInput, Cancelled, ModelUnavailable
from engine.knobs import Knobs
from engine.llm.routing import Role, Router
from engine.llm.scripted import Line, Script, ScriptedModel
from engine.policy import Budget, StopReason
from engine.progress import Progress
from engine.sandbox import Sandbox, SandboxSettings, open_sandbox
from engine.search import Exhausted, Search, Settings, Solution
from engine.spec import FunctionSpec
from engine.tuning import Outcome, Tuner
from engine.verdicts import Verdict

pytestmark = pytest.mark.docker

DOUBLE = spec_from_prototype("def double(n)", "Return twice n.")
RIGHT = ["\n    return n * 2\n```", "\n    return n + n\n```", "\n    return 2 * n\n```"]
WRONG = ["\n    return n\n```", "\n    return n ** 2\n```", "\n    return undefined(n)\n```"]
TRUE = ["1) == 2\n    assert double(3) == 6\n    assert double(10) == 20\n```"]
MORE = ["0) == 0\n    assert double(-4) == -8\n    assert double(7) == 14\n```"]
FALSE = ["2) == 5\n    assert double(4) == 9\n```"]

BUDGET = Budget(candidates=24, tests=12, code_batch=8, test_batch=6, seconds_left=120)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with open_sandbox(SandboxSettings(engine="docker")) as opened:
        yield opened


def script(codes: Sequence[Line], tests: Sequence[Line]) -> Script:
    """Replies by what is asked for: the test prompts end inside a test."""
    return lambda prompt: tests if "def test_double():" in prompt.text[-60:] else codes


def writer(codes: Sequence[Line], tests: Sequence[Line]) -> ScriptedModel:
    return ScriptedModel(script(codes, tests), choices={"": {" 0.3": 1.0}}, chat=True)


def search(
    sandbox: Sandbox,
    model: ScriptedModel,
    *,
    spec: FunctionSpec = DOUBLE,
    budget: Budget = BUDGET,
    **options: object,
) -> Search:
    settings = Settings(seed=0, timeout_s=5)
    return Search(spec, model, sandbox, budget, settings, **options)  # type: ignore[arg-type]


def test_right_codes_and_true_asserts_make_a_solution(sandbox: Sandbox) -> None:
    journal: list[Entry] = []
    told: list[Progress] = []
    task = search(
        sandbox,
        writer(RIGHT + WRONG, TRUE + MORE + FALSE),
        journal=journal.extend,
        observer=told.append,
    )
    found = task.run()
    assert isinstance(found, Solution)
    namespace: dict[str, object] = {}
    exec(found.code, namespace)  # noqa: S102 - the code of this test's own script
    assert namespace["double"](21) == 42  # type: ignore[operator]
    assert "(2, 5)" not in found.test
    assert found.confirmation.verdict is Verdict.PASSED
    assert found.judgement is not None
    assert found.judgement.score == pytest.approx(0.3, abs=1e-3)
    assert found.score == found.choice.evidence >= BUDGET.threshold
    assert Pool().grown(journal) == found.pool == task.pool
    assert told[-1].pairs == len(found.pool.results)
    assert {p.stage for p in told} >= {"sampling codes"}


def test_no_code_that_passes_is_told_with_what_was_tried(sandbox: Sandbox) -> None:
    found = search(sandbox, writer(WRONG, TRUE)).run()
    assert isinstance(found, Exhausted)
    assert found.reason is StopReason.EXHAUSTED
    assert found.pool.samples(Kind.CODE) == 24
    assert found.pool.samples(Kind.TEST) == 12
    assert not list(found.pool.untested_pairs())


def test_every_code_met_every_live_test(sandbox: Sandbox) -> None:
    pool = search(sandbox, writer(RIGHT + WRONG, FALSE)).run().pool
    met = {(c, t) for c in pool.codes for t in pool.live_tests}
    assert met <= set(pool.results)


def test_improvements_are_asked_for_and_kept_beside_their_parents(sandbox: Sandbox) -> None:
    pool = search(sandbox, writer(WRONG, TRUE)).run().pool
    asked = {ask.origin for ask in pool.asks}
    assert Origin.SAMPLED in asked
    assert asked & {Origin.IMPROVED, Origin.REFINED}


def test_a_test_that_the_stub_passes_gets_no_column(sandbox: Sandbox) -> None:
    source = "def double(n):\n    pass\n"
    spec = spec_from_source(source, "double")
    pool = search(sandbox, writer(RIGHT, ["1) is None\n```"]), spec=spec).run().pool
    assert len(pool.tests) == 1
    assert pool.live_tests == ()


def test_the_docstrings_examples_outrank_any_majority(sandbox: Sandbox) -> None:
    spec = spec_from_prototype("def double(n)", "Return it.\n\n>>> double(5)\n5")
    found = search(sandbox, writer([*RIGHT, "\n    return n\n```"], TRUE), spec=spec).run()
    assert isinstance(found, Exhausted)
    assert found.best is not None
    assert "return n\n" in found.pool.candidates[found.best.code_id].source


def test_a_method_is_filled_in_its_class(sandbox: Sandbox) -> None:
    module = (
        "class Box:\n    def __init__(self, n):\n        self.n = n\n\n"
        '    def double(self):\n        """Return twice n."""\n        raise NotImplementedError\n'
    )
    asserts = "".join(f"\n    assert Box({n}).double() == {2 * n}" for n in (1, 3, 5, 8, 13))
    codes = ["\n    return self.n * 2\n```", "\n    return 2 * self.n\n```"]
    found = search(
        sandbox, writer(codes, [asserts + "\n```"]), spec=spec_from_source(module, "Box.double")
    ).run()
    assert isinstance(found, Solution)
    assert "from Box import Box" in found.test


def test_equal_seeds_sample_the_same_pool(sandbox: Sandbox) -> None:
    pools = [search(sandbox, writer(WRONG, FALSE)).run().pool for _ in range(2)]
    assert set(pools[0].candidates) == set(pools[1].candidates)


def test_a_module_that_cannot_be_imported_is_the_callers_to_mend(sandbox: Sandbox) -> None:
    spec = spec_from_source("import no_such_module\n\n\ndef double(n):\n    ...\n", "double")
    with pytest.raises(BadInput, match="no_such_module"):
        search(sandbox, writer(RIGHT, TRUE), spec=spec).run()


def test_a_model_that_goes_down_loses_nothing_that_was_found(sandbox: Sandbox) -> None:
    down = ModelUnavailable("the model is gone", remedy="start it")
    journal: list[Entry] = []
    task = search(sandbox, writer(RIGHT, [*TRUE, down]), journal=journal.extend)
    with pytest.raises(ModelUnavailable, match="gone"):
        task.run()
    assert len(task.pool.codes) == 3
    assert task.pool == Pool().grown(journal)


def test_a_kept_pool_goes_on_with_the_pairs_that_it_owes(sandbox: Sandbox, tmp_path: Path) -> None:
    first = search(sandbox, writer(WRONG, TRUE + MORE)).run()
    path = tmp_path / "pool.jsonl"
    with poolfile.PoolWriter(path, DOUBLE) as kept:
        kept.append(first.pool.candidates.values())
        kept.append(first.pool.asks)
    _, pool = poolfile.load(path)
    assert not pool.results
    second = search(sandbox, writer(RIGHT, FALSE), pool=pool).run()
    assert isinstance(second, Solution)
    old_tests = set(pool.tests)
    assert set(second.choice.tests) <= old_tests


class Endless(ScriptedModel):
    """Goes on writing until it is told to stop, as a slow model would."""

    def complete(self, prompt, params, *, cancel=None):  # type: ignore[no-untyped-def]
        assert cancel is not None
        yield from super().complete(prompt, params, cancel=cancel)
        self.writing.set()
        assert cancel.wait(60)

    writing: threading.Event


def test_cancel_ends_a_search_in_the_middle_of_sampling(sandbox: Sandbox) -> None:
    cancel, journal = threading.Event(), list[Entry]()
    model = Endless(script(RIGHT, TRUE))
    model.writing = threading.Event()
    task = search(sandbox, model, cancel=cancel, journal=journal.extend)
    threading.Thread(target=lambda: model.writing.wait(60) and cancel.set()).start()
    with pytest.raises(Cancelled):
        task.run()
    assert len(Pool().grown(journal).codes) == 3
    assert task.pool == Pool().grown(journal)


class Wide(ScriptedModel):
    """Answers only once as many asks are there as it takes at the same time."""

    concurrency = 3

    def complete(self, prompt, params, *, cancel=None):  # type: ignore[no-untyped-def]
        if len(self.calls) < self.concurrency:
            self.together.wait(60)
        yield from super().complete(prompt, params, cancel=cancel)

    together: threading.Barrier


def test_a_model_that_takes_several_asks_is_given_them_at_the_same_time(sandbox: Sandbox) -> None:
    model = Wide(script(RIGHT + WRONG, TRUE + MORE))
    model.together = threading.Barrier(Wide.concurrency)
    told: list[Progress] = []
    found = search(sandbox, model, observer=told.append).run()
    assert isinstance(found, Solution)
    assert told[-1].model_seconds <= sum(ask.seconds for ask in found.pool.asks) + 0.01
    assert found.pool.samples(Kind.CODE) <= BUDGET.candidates


def test_when_the_time_is_up_the_work_in_flight_is_stopped(sandbox: Sandbox) -> None:
    model = Endless(script(RIGHT, TRUE))
    model.writing = threading.Event()
    ticks = iter(range(10_000))

    def clock() -> float:
        return 200.0 + next(ticks) if model.writing.is_set() else 0.0

    found = search(sandbox, model, clock=clock).run()
    assert isinstance(found, Exhausted)
    assert found.reason is StopReason.OUT_OF_TIME
    assert len(found.pool.codes) == 3


def test_given_a_cascade_then_what_the_small_model_solves_never_asks_the_large_one(
    sandbox: Sandbox,
) -> None:
    large, little = writer(RIGHT, TRUE), writer(RIGHT, TRUE + MORE)
    budget = replace(BUDGET, cascade=Cascade(candidates=16, tests=12))
    task = search(sandbox, large, budget=budget, small=little)

    assert isinstance(task.run(), Solution)
    assert large.calls == []
    assert {ask.tier for ask in task.pool.asks} == {Tier.SMALL}
    assert task.outcomes() == []
    assert sum(outcome.useful for outcome in task.outcomes(Tier.SMALL)) > 0


def test_given_a_cascade_then_what_the_small_model_fails_at_the_large_one_solves(
    sandbox: Sandbox,
) -> None:
    large, little = writer(RIGHT, TRUE + MORE), writer(WRONG, FALSE)
    budget = replace(BUDGET, cascade=Cascade(candidates=16, tests=12))
    task = search(sandbox, large, budget=budget, small=little)

    assert isinstance(task.run(), Solution)
    tiers = [ask.tier for ask in task.pool.asks]
    assert tiers == sorted(tiers, key=[Tier.SMALL, Tier.LARGE].index)
    assert set(tiers) == set(Tier)
    assert task.pool.samples(Kind.CODE, Tier.SMALL) <= 16
    assert 0 < len(task.pool.voters) < len(task.pool.codes)


def test_given_what_was_learnt_then_asks_are_put_otherwise_and_say_so(sandbox: Sandbox) -> None:
    usual = Outcome(Kind.CODE, "dialogue", Knobs(), frozenset(), 1.0, 16, 900, 10.0)
    hotter = replace(usual, knobs=Knobs(temperature=0.2), useful=20.0)
    tuner = Tuner(floor=0).learnt([usual] * 20 + [hotter] * 60)
    model = writer(RIGHT + WRONG, TRUE + MORE)

    task = search(sandbox, model, tuner=tuner)
    task.run()

    first = task.pool.asks[0]
    assert first.temperature == pytest.approx(1.0)
    assert model.calls[0].params is not None
    assert model.calls[0].params.temperature == pytest.approx(1.0)
    assert task.outcomes()[0].knobs.temperature == 0.2


def test_every_kind_of_ask_goes_to_the_model_that_is_routed_for_it(sandbox: Sandbox) -> None:
    minds = {role: writer(RIGHT + WRONG, TRUE + MORE) for role in Role}
    found = search(sandbox, Router(minds)).run()  # type: ignore[arg-type]

    assert isinstance(found, Solution)
    asked = {role: [call.prompt.text for call in minds[role].calls] for role in Role}
    assert all("def test_double():" in text[-60:] for text in asked[Role.TEST])
    assert not any("def test_double():" in text[-60:] for text in asked[Role.CODE])
    assert asked[Role.TEST]
    assert asked[Role.CODE]
    assert len(asked[Role.JUDGE]) >= 2  # the code alone, and the pair
