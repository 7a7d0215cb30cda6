"""What asks brought is kept by model, in its order, and not for ever."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.store import outcomes as stored
from engine.candidates import Kind
from engine.knobs import Knobs, Part
from engine.tuning import Outcome

NUMBER = st.floats(allow_nan=False, allow_infinity=False)
PARTS = st.frozensets(st.sampled_from(Part))
OUTCOME = st.builds(
    Outcome,
    kind=st.sampled_from(Kind),
    style=st.text(max_size=6),
    knobs=st.builds(Knobs, NUMBER, NUMBER, NUMBER, PARTS),
    parts=PARTS,
    useful=NUMBER,
    samples=st.integers(0, 2**40),
    tokens=st.integers(0, 2**40),
    seconds=NUMBER,
)


def numbered(number: int) -> Outcome:
    return Outcome(Kind.CODE, "dialogue", Knobs(), frozenset(), float(number), 16, 900, 4.5)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(brought=st.lists(OUTCOME, max_size=4))
def test_what_is_kept_comes_back_as_it_was(store, brought):
    store.drop_outcomes("a")
    store.add_outcomes("a", brought)

    assert store.outcomes_of("a") == brought


def test_models_are_kept_apart_and_each_in_order(store):
    store.add_outcomes("b", [numbered(1)])
    store.add_outcomes("a", [numbered(2)])
    store.add_outcomes("b", [numbered(3), numbered(4)])

    assert [outcome.useful for outcome in store.outcomes_of("b")] == [1, 3, 4]
    assert store.tuned_models() == {"a": 1, "b": 3}
    assert store.drop_outcomes("b") == 3
    assert store.tuned_models() == {"a": 1}


def test_when_there_are_more_than_are_kept_then_the_oldest_of_that_model_go(store, monkeypatch):
    monkeypatch.setattr(stored, "MOST_KEPT", 3)
    store.add_outcomes("other", [numbered(0)])
    store.add_outcomes("a", map(numbered, range(3)))
    store.add_outcomes("a", map(numbered, range(3, 5)))

    assert [outcome.useful for outcome in store.outcomes_of("a")] == [2, 3, 4]
    assert store.tuned_models() == {"a": 3, "other": 1}
