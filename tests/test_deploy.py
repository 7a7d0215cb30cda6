"""What deploy/ has, held to its own tools and to the code that it runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bot.cli import cli
from bot.settings import load
from engine.sandbox import rootfs
from webhooks import payloads

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
SOCKET = DEPLOY / "systemd" / "supercharge-web.socket"


@pytest.mark.parametrize("name", ["Dockerfile", "sandbox.Dockerfile"])
def test_hadolint_finds_nothing_in_a_dockerfile(name):
    hadolint = Path(sys.executable).parent / "hadolint"
    run = subprocess.run([hadolint, DEPLOY / name], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


@pytest.mark.parametrize("unit", [*UNITS, SOCKET], ids=lambda unit: unit.name)
def test_systemd_finds_nothing_in_a_unit_but_that_its_program_is_not_here(unit, tmp_path):
    # Beside each other, as they are installed: one names another.
    for other in (*UNITS, SOCKET):
        shutil.copy(other, tmp_path)
    run = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / unit.name],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in run.stderr.splitlines() if "is not executable" not in line]
    assert complaints == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_there_is(unit):
    [start] = re.findall(r"^ExecStart=\S+/(\S+)(?: (\w+))?", unit.read_text(), re.MULTILINE)
    program, command = start
    assert program == "dockerd" or (program == "supercharge" and command in cli.commands)


def test_compose_runs_commands_that_there_are_and_sets_keys_that_there_are(monkeypatch, tmp_path):
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    for name in ("web", "worker"):
        assert services[name]["command"][0] in cli.commands
        assert services[name]["cap_drop"] == ["ALL"]
    keys = {k: v for k, v in services["web"]["environment"].items() if k != "SUPERCHARGE_CONFIG"}
    assert load(environ={"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), **keys})
    # Nobody but the candidates' engine is privileged, and nothing of the host's engine is mounted.
    assert [name for name, service in services.items() if service.get("privileged")] == ["engine"]
    mounts = [mount for service in services.values() for mount in service.get("volumes", ())]
    assert not [mount for mount in mounts if "docker.sock" in mount]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith(".")}
    assert named == set(compose["volumes"])


def test_the_example_of_the_environment_has_only_keys_that_there_are(tmp_path):
    text = (DEPLOY / "supercharge.env.example").read_text(encoding="utf-8")
    names = re.findall(r"^(?:# )?(SUPERCHARGE_\w+)=", text, re.MULTILINE)
    assert len(names) == 3
    assert load(environ={"XDG_CONFIG_HOME": str(tmp_path), **dict.fromkeys(names, "x")})


def test_the_app_asks_for_what_the_bot_uses_and_never_for_workflows():
    manifest = json.loads((DEPLOY / "github-app.json").read_text(encoding="utf-8"))
    assert manifest["default_permissions"] == {
        "checks": "write",
        "contents": "write",
        "issues": "write",
        "metadata": "read",
        "pull_requests": "write",
    }
    # GitHub sends these to every App, whether it asks for them or not.
    unasked = {"installation", "installation_repositories", "ping"}
    assert set(manifest["default_events"]) == set(payloads.EVENTS) - unasked


def test_the_sandboxs_image_has_the_places_that_the_runner_looks_at():
    text = (DEPLOY / "sandbox.Dockerfile").read_text(encoding="utf-8")
    for place in (rootfs.INI_FILE, rootfs.PACKAGES_DIR, rootfs.SLOTS_DIR):
        assert place in text
    assert f"seq 0 {rootfs.MAX_SLOTS - 1}" in text
