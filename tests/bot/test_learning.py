"""What is learnt comes from the store and goes there, and never keeps a search from its work."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.learning import Learning, learning, model_key
from bot.settings import DatabaseSettings, Settings, TuningSettings
from bot.store import open_store
from bot.store.errors import StoreUnavailable
from engine.candidates import Kind
from engine.knobs import AS_CONFIGURED
from engine.llm.scripted import ScriptedModel
from engine.tuning import Outcome, Tuner

MODEL = ScriptedModel({"": ["x"]}, name="small")
BROUGHT = [Outcome(Kind.CODE, "dialogue", AS_CONFIGURED, frozenset(), 5.0, 16, 900, 10.0)]


def settings(path: Path, **tuning: object) -> Settings:
    return Settings(
        database=DatabaseSettings(f"sqlite:///{path}"),
        tuning=TuningSettings(**tuning),  # type: ignore[arg-type]
    )


def test_what_one_search_brought_the_next_one_knows(tmp_path):
    chosen = settings(tmp_path / "a.db", floor=0.7)
    with learning(chosen) as first:
        assert first.tuner(MODEL) == Tuner(floor=0.7)
        first.keep(MODEL, BROUGHT)

    with learning(chosen) as second:
        assert second.tuner(MODEL) == Tuner(floor=0.7).learnt(BROUGHT)
        assert second.tuner(ScriptedModel({"": ["x"]}, name="other")) == Tuner(floor=0.7)


def test_when_it_is_off_then_no_database_is_made_and_nothing_is_kept(tmp_path):
    with learning(settings(tmp_path / "a.db", enabled=False)) as learnt:
        learnt.keep(MODEL, BROUGHT)
        assert learnt.tuner(MODEL).records == {}

    assert not (tmp_path / "a.db").exists()


def test_when_it_is_off_then_a_store_that_is_there_is_left_alone(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'a.db'}") as store:
        store.add_outcomes(model_key(MODEL), BROUGHT)
        off = Learning(store, TuningSettings(enabled=False))
        off.keep(MODEL, BROUGHT)

        assert off.tuner(MODEL).records == {}
        assert len(store.outcomes_of(model_key(MODEL))) == 1


def test_when_the_database_cannot_be_opened_then_asks_are_as_configured(tmp_path, caplog):
    (tmp_path / "a.db").write_text("no database, but a text that is long enough to be read as one")

    with learning(settings(tmp_path / "a.db")) as learnt:
        learnt.keep(MODEL, BROUGHT)
        assert learnt.tuner(MODEL) == Tuner()

    assert "asks are as configured" in caplog.text


@pytest.mark.parametrize("what", ["outcomes_of", "add_outcomes"])
def test_when_the_store_does_not_answer_then_the_search_goes_on(
    tmp_path, monkeypatch, caplog, what
):
    with learning(settings(tmp_path / "a.db")) as learnt:

        def away(*_):
            raise StoreUnavailable("locked", remedy="wait")

        monkeypatch.setattr(learnt.store, what, away)
        assert learnt.tuner(MODEL) == Tuner()
        learnt.keep(MODEL, BROUGHT)

    assert "locked" in caplog.text
