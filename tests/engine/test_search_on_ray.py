"""A whole search on a cluster that loses a node in the middle of it."""

from __future__ import annotations

import json

from engine.candidates import Kind, Pool
from engine.llm import ModelSettings
from engine.llm.ray import RayModel
from engine.policy import Budget
from engine.sandbox import SandboxSettings, open_sandbox
from engine.search import Search, Settings, Solution
from engine.spec import FunctionSpec

MODULE = 'def double(n):\n    """Return twice n."""\n    ...\n'
DOUBLE = FunctionSpec("double", "def double(n):", "Return twice n.", MODULE)
CODES = ["\n    return n * 2\n```", "\n    return n + n\n```", "\n    return n\n```"]
TESTS = [
    "1) == 2\n    assert double(3) == 6\n    assert double(10) == 20\n```",
    "0) == 0\n    assert double(-4) == -8\n    assert double(7) == 14\n```",
]


def test_a_node_that_dies_in_the_middle_of_a_search_costs_it_nothing(ray_nodes, keep, tmp_path):
    ray_nodes.at_least(2)
    path = tmp_path / "script.json"
    replies = {"def test_double():": TESTS, "": CODES}
    words = {"replies": replies, "choices": {"": {" 0.9": 1.0}}, "seconds_per_reply": 0.2}
    path.write_text(json.dumps(words), encoding="utf-8")
    settings = ModelSettings(backend="ray", ray_backend="scripted", model=str(path))
    model = keep(RayModel.open(settings, keep_s=4.0, look_every_s=0.2))
    sandbox = keep(open_sandbox(SandboxSettings(place="ray", engine="bubblewrap", memory_mb=512)))
    journal, killed = [], []

    def kill_a_node_once(progress):
        busy = [member.slot.node_id for member in model.fleet.members if member.asks]
        if busy and not killed:
            killed.append(busy[0])
            ray_nodes.kill(busy[0])

    budget = Budget(candidates=24, tests=12, code_batch=8, test_batch=6, seconds_left=120)
    found = Search(
        DOUBLE,
        model,
        sandbox,
        budget,
        Settings(timeout_s=5),
        journal=journal.extend,
        observer=kill_a_node_once,
    ).run()
    assert killed
    assert isinstance(found, Solution)
    assert Pool().grown(journal) == found.pool
    # Every ask has all the samples that it was for, but for one that was given up once it was solved.
    wanted = {Kind.CODE: 8, Kind.TEST: 6}
    assert found.pool.asks[0].samples == wanted[found.pool.asks[0].kind]
    assert all(ask.samples <= wanted[ask.kind] for ask in found.pool.asks)
