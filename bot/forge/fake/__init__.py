"""A GitHub on loopback: shipped for tests, for the demo, and for whoever tries a configuration.

    with LoopbackGitHub(Path("/tmp/github")) as github:
        github.repository("octo/calc", {"calc.py": "..."})
        number = github.open_issue("octo/calc", "Fill add", by="alice")
        ...GitHubSettings(base_url=github.api, token=github.token("supercharge-bot"))

    server ─► rest ─► routes/ ─► actions ─► world, gitrepo
         ├──► smarthttp             └─────► courier (webhooks)
         └──► pages

It answers like GitHub as far as the bot asks, and its answers and payloads are held against
GitHub's own descriptions by tests. Nothing in the product knows it.
"""

from __future__ import annotations

from bot.forge.fake.faults import Fault, FaultKind, Faults
from bot.forge.fake.loopback import LoopbackGitHub
from bot.forge.fake.scene import AppCredentials

__all__ = ["AppCredentials", "Fault", "FaultKind", "Faults", "LoopbackGitHub"]
