"""Folders of processes that were killed are removed, and nobody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bot import scratch

ROOT = Path(__file__).parents[2]
HOLDS = """
from bot.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "kept").write_text("x")
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def own_tmp(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, Path(process.stdout.readline().strip())


def test_a_folder_lasts_as_long_as_its_block_and_a_sweep_leaves_it_alone():
    with scratch.scratch_folder() as folder:
        assert list(folder.iterdir()) == []
        assert scratch.sweep_scratch() == 0
        assert folder.is_dir()
    assert not folder.parent.exists()


def test_when_its_process_is_killed_then_the_next_sweep_removes_it_and_not_before(tmp_path):
    process, folder = holder(tmp_path)
    with process:
        assert scratch.sweep_scratch() == 0
        assert (folder / "kept").is_file()
        process.send_signal(signal.SIGKILL)
        process.wait()

        assert scratch.sweep_scratch() == 1
        assert list(tmp_path.iterdir()) == []


def test_one_that_is_just_being_made_is_left_and_an_old_one_without_owner_goes(tmp_path):
    new, old, other = (
        tmp_path / name for name in (f"{scratch.PREFIX}a", f"{scratch.PREFIX}b", "c")
    )
    for folder in (new, old, other):
        folder.mkdir()
        if folder is not new:
            os.utime(folder, (0, 0))

    assert scratch.sweep_scratch() == 1
    assert sorted(tmp_path.iterdir()) == sorted([new, other])
