"""deploy/engine.sh, on an engine of its own beside whatever runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import docker
import pytest

SCRIPT = Path(__file__).parents[3] / "deploy" / "engine.sh"
pytestmark = pytest.mark.docker


@pytest.fixture
def engine(tmp_path):
    """The script, looking at nothing but its own place."""
    environment = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
    environment |= {
        "SUPERCHARGE_ENGINE_RUN": str(tmp_path / "run"),
        "SUPERCHARGE_ENGINE_DATA": str(tmp_path / "data"),
    }

    def call(*arguments, **more):
        return subprocess.run(
            [str(SCRIPT), *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
            env=environment | more,
        )

    yield call
    call("stop")


def test_nothing_is_started_where_an_engine_answers(engine, docker_host, tmp_path):
    done = engine("start", DOCKER_HOST=docker_host)
    assert (done.returncode, done.stdout) == (
        0,
        f"engine: {docker_host} answers already; nothing to start\n",
    )
    assert not (tmp_path / "run").exists()
    assert engine("status", DOCKER_HOST=docker_host).returncode == 0


def test_stopping_touches_no_engine_but_its_own(engine, docker_host):
    done = engine("stop", DOCKER_HOST=docker_host)
    assert (done.returncode, done.stdout) == (0, "engine: none of ours runs\n")
    docker.DockerClient(base_url=docker_host, version="auto").close()


def test_it_says_what_is_missing_in_one_line(engine, tmp_path):
    for name in ("sh", "timeout", "id", "tail", "cat", "tr", "grep"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    done = engine("start", PATH=str(tmp_path / "bin"))
    assert done.returncode == 3
    assert done.stderr == "engine: docker is not installed; try: apt-get install docker.io\n"


def test_bad_usage_is_told(engine):
    done = engine("restart")
    assert done.returncode == 2
    assert "start|stop|status" in done.stderr
