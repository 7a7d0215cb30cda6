"""What a pull request says about replaying its pool can be done, word for word."""

from __future__ import annotations

import re
import shlex

import pytest

from bot import cli
from engine.llm.scripted import Reply

REPO = "octo/shop"
FILES = {
    "shop/__init__.py": "",
    "shop/prices.py": "FACTOR = 2\n",
    "shop/sums.py": (
        "from .prices import FACTOR\n\n\n"
        'def double(n):\n    """Return twice n."""\n    raise NotImplementedError\n'
    ),
}


@pytest.fixture
def supercharge(scene, monkeypatch):
    """The command line with the bot's database and sandbox; its exit code."""
    monkeypatch.setenv("SUPERCHARGE_DATABASE_URL", scene.services.settings.database.url)
    monkeypatch.setenv("SUPERCHARGE_SANDBOX_ENGINE", "bubblewrap")

    def call(*arguments: str) -> int:
        try:
            cli.cli(arguments, standalone_mode=False)
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return call


def test_the_pool_is_exported_and_replays_to_the_same_matrix_and_choice_in_a_checkout(
    scene, supercharge, tmp_path, monkeypatch, capsys
):
    scene.mind.codes = (Reply("\n    return FACTOR * n\n", logprob=-0.1), *scene.mind.codes)
    number = scene.pull_with_stub(FILES)
    scene.comment(number, "/supercharge")
    scene.work()
    [own] = scene.own_pulls()
    section = scene.github.issue(REPO, own).body.partition("## How to replay")[2]
    said = [
        line
        for block in re.findall(r"```sh\n(.*?)```", section, re.S)
        for line in block.splitlines()
    ]
    export, checkout, replay = map(shlex.split, said)
    assert (export[0], checkout[:2], replay[0]) == (
        "supercharge",
        ["git", "checkout"],
        "supercharge",
    )

    # On the machine that runs the bot.
    monkeypatch.chdir(tmp_path)
    assert supercharge(*export[1:]) == 0
    # Anywhere else: no database, a checkout, and the file.
    monkeypatch.setenv("SUPERCHARGE_DATABASE_URL", f"sqlite:///{tmp_path / 'nothing.db'}")
    here = tmp_path / "checkout"
    scene.services.forge.checkout(REPO, checkout[2], here)
    (tmp_path / export[-1]).rename(here / export[-1])
    monkeypatch.chdir(here)
    capsys.readouterr()
    assert supercharge(*replay[1:]) == 0
    assert re.fullmatch(
        r"\d+ pairs run again: the same matrix, the same choice\n", capsys.readouterr().out
    )
    # Without the repository its module cannot even be imported.
    assert supercharge("pool", "replay", export[-1]) == 1
