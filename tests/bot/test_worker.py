"""What a worker is made of."""

from dataclasses import replace

import pytest

from bot.forge.base import Forge
from bot.services import Services
from bot.settings import Settings, WorkerSettings
from bot.store import open_store
from bot.worker import Worker
from engine.errors import BadInput
from engine.llm.scripted import ScriptedModel


def test_runners_have_names_of_their_own_and_one_model(tmp_path):
    opened = []

    def open_model():
        opened.append(ScriptedModel({"": ["x"]}))
        return opened[-1]

    settings = replace(Settings(), worker=WorkerSettings(requests=3))
    with open_store(f"sqlite:///{tmp_path / 'supercharge.db'}") as store:
        services = Services(store, Forge, settings)
        worker = Worker(services, open_model, open_sandbox=lambda project: None)
        assert len({runner.name for runner in worker.runners}) == 3
        assert {runner._opened_model().name for runner in worker.runners} == {"scripted"}
        assert len(opened) == 1
        worker.stop()
        worker.run()
    assert [runner._model for runner in worker.runners] == [None] * 3


@pytest.mark.parametrize("requests", [0, 65])
def test_a_worker_carries_at_least_one_request_and_not_too_many(requests):
    with pytest.raises(BadInput, match=r"worker\.requests must be between 1 and 64"):
        WorkerSettings(requests=requests)
