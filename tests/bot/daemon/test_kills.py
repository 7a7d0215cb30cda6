from __future__ import annotations

import random
import time
from collections import Counter

from bot.forge.fake.loopback import LoopbackGitHub
from bot.store import open_store
from tests.bot.daemon.fleet import REPO, Fleet
from tests.bot.daemon.processes import ForkServer
from tests.bot.daemon.stages import Killer, plan


def test_x(tmp_path, app_keys):
    import os
    N = int(os.environ.get("N", "3"))
    W = int(os.environ.get("W", "2"))
    database = tmp_path / "bot.db"
    url = f"sqlite:///{database}"
    open_store(url).close()
    rng = random.Random(1)
    t = time.time()
    with ForkServer() as forks, LoopbackGitHub(tmp_path / "github") as github, open_store(url) as store:
        fleet = Fleet(forks, github, tmp_path, url, app_keys)
        fleet.start_web()
        print("web", time.time() - t)
        issues = [fleet.ask(n) for n in range(N)]
        github.wait_delivered()
        print("delivered", time.time() - t)
        plans = {i: plan(rng) if os.environ.get("K", "1") == "1" else [] for i in issues}
        with Killer(fleet, str(database), plans, rng) as killer:
            for w in range(W):
                fleet.start(f"worker{w}")
            try:
                requests = fleet.wait_told(store, len(issues))
            finally:
                print("end", time.time() - t, killer.tally(), killer.plans, killer.problems)
        fleet.check_done_once(requests)
        fleet.stop()
