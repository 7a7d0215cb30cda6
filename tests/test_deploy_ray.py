"""The cluster that deploy/ray describes, held to Ray's own tools and to the code that runs on it."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.scripts.scripts import start

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "ray"
UNITS = sorted(FOLDER.glob("*.service"))
HEAD, NODE = UNITS


def options_of(command: str) -> dict[str, object]:
    """What `ray start` makes of a command line; it refuses an option that there is not."""
    program, verb, *arguments = shlex.split(command.replace("\\\n", " "))
    assert (program, verb) == ("/opt/supercharge/.venv/bin/ray", "start")
    return start.make_context("ray start", arguments).params


def started_by(unit: Path) -> dict[str, object]:
    [command] = re.findall(r"^ExecStart=((?:.*\\\n)*.*)$", unit.read_text(), re.MULTILINE)
    return options_of(command)


@pytest.fixture
def cluster():
    return yaml.safe_load((FOLDER / "cluster.yaml").read_text(encoding="utf-8"))


def test_rays_launcher_takes_the_cluster_file(cluster):
    prepared = prepare_config(cluster)
    validate_config(prepared)
    [kind] = prepared["available_node_types"].values()
    assert (kind["min_workers"], kind["max_workers"], prepared["max_workers"]) == (3, 3, 3)


def test_the_launcher_starts_head_and_nodes_alike(cluster):
    head = options_of(cluster["head_start_ray_commands"][-1])
    node = options_of(cluster["worker_start_ray_commands"][-1])
    assert head["head"]
    assert node["address"] == "$RAY_HEAD_IP:6379"
    for options in (head, node, started_by(HEAD), started_by(NODE)):
        assert options["disable_usage_stats"]
        assert (options["node_manager_port"], options["object_manager_port"]) == (6380, 6381)
        assert (options["min_worker_port"], options["max_worker_port"]) == (10002, 10999)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_in_a_unit_but_that_its_program_is_not_here(unit):
    run = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert [line for line in run.stderr.splitlines() if "is not executable" not in line] == []


def test_the_units_start_a_head_and_a_node_that_stay_in_the_foreground():
    head, node = started_by(HEAD), started_by(NODE)
    assert (head["head"], head["port"], head["include_dashboard"]) == (True, 6379, False)
    assert (node["head"], node["address"]) == (False, "${RAY_ADDRESS}")
    assert head["block"]
    assert node["block"]
    example = (FOLDER / "ray.env.example").read_text(encoding="utf-8")
    assert re.search(r"^RAY_ADDRESS=\S+:6379$", example, re.MULTILINE)


def test_no_unit_of_the_cluster_is_given_the_bots_secrets():
    for path in (*UNITS, FOLDER / "worker.conf"):
        files = re.findall(r"^EnvironmentFile=(.*)$", path.read_text(), re.MULTILINE)
        assert files == ["/etc/supercharge/ray.env"]


def test_the_worker_may_write_where_the_head_puts_rays_files():
    place = str(started_by(HEAD)["temp_dir"])
    text = (FOLDER / "worker.conf").read_text(encoding="utf-8")
    assert f"ReadWritePaths={place}\n" in text
    for unit in UNITS:
        assert f"RuntimeDirectory={place.removeprefix('/run/')}\n" in unit.read_text()
