"""The command line as a user meets it: real processes, exit codes, words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

SUPERCHARGE = Path(sys.executable).parent / "supercharge"
STUB = '''"""A module."""


def double(n):
    """Return twice n."""
    raise NotImplementedError


def finished(n):
    return n
'''
SOLVING = {
    "replies": {
        "def test_": [
            "1) == 2\n    assert double(3) == 6\n    assert double(10) == 20\n```",
            "0) == 0\n    assert double(-4) == -8\n    assert double(7) == 14\n```",
        ],
        "": ["\n    return n * 2\n```", "\n    return n + n\n```", "\n    return n\n```"],
    },
    "choices": {"": {" 0.6": 1.0}},
}
HOPELESS = {**SOLVING, "replies": {**SOLVING["replies"], "": ["\n    return undefined\n```"]}}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder to work in, with a stub, a scripted model and all state inside it."""
    (tmp_path / "double.py").write_text(STUB)
    configure(tmp_path, SOLVING)
    return tmp_path


def configure(home: Path, script: Mapping[str, object], extra: str = "") -> None:
    (home / "script.json").write_text(json.dumps(script))
    config = f'[model]\nbackend = "scripted"\nmodel = "{home / "script.json"}"\n{extra}'
    (home / "supercharge.toml").write_text(config)


def environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SUPERCHARGE_", "XDG_"))}
    return {
        **kept,
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "COLUMNS": "200",
    }


def supercharge(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SUPERCHARGE, *arguments],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_help_names_every_command_and_the_exit_codes(home: Path) -> None:
    told = supercharge(home, "--help")
    assert told.returncode == 0
    for word in ("generate", "doctor", "demo", "bench", "Exit codes"):
        assert word in told.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["generate"], "name a stub"),
        (["generate", "nowhere.py::f"], "there is no file nowhere.py"),
        (["generate", "double.py::doubel"], "did you mean double?"),
        (["generate", "double.py::zzz"], "its stubs are: double"),
        (
            ["generate", "double.py::finished"],
            "double.py::finished is not a stub: it has a body already",
        ),
        (["generate", "double.py"], "double.py::double"),
        (["generate", "double"], "write path/to/file.py::function"),
        (["generate", "broken.py::f"], "broken.py:1: does not parse"),
        (["generate", "."], "write path/to/file.py::function"),
        (["generate", "--prototype", "def f(:"], "the prototype does not parse"),
        (["generate", "--prototype", "x = 1"], "prototype"),
        (["generate", "double.py::double", "--prototype", "def f()"], "not both"),
        (["generate", "double.py::double", "--description", "x"], "--description goes with"),
        (["generate", "--prototype", "def f()", "--write"], "--write needs a target"),
        (["generate", "double.py::double", "--threshold", "7"], "search.threshold"),
        (["generate", "double.py::double", "--candidates", "0"], "search.candidates"),
        (["generate", "double.py::double", "--resume"], "no kept pool"),
        (["generate", "double.py::double", "--json", "no/such/folder.json"], "no/such"),
        (["--config", "missing.toml", "generate", "double.py::double"], "missing.toml"),
        (["--config", "typo.toml", "generate", "double.py::double"], "did you mean candidates?"),
        (["generate", "--no-such-option"], "No such option"),
        (["bench", "model", "--gpu", "--shape", "q"], "known are Qwen/"),
        (["bench", "model", "--rounds", "0"], "--rounds"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(
    home: Path, arguments: list[str], line: str
) -> None:
    (home / "broken.py").write_text("def f(:\n")
    (home / "typo.toml").write_text("[search]\ncandidats = 3\n")
    told = supercharge(home, *arguments)
    assert told.returncode == 2, told
    assert line in told.stderr
    assert "Traceback" not in told.stderr
    assert not (home / "state").exists()


def test_an_unknown_model_is_bad_input(home: Path) -> None:
    (home / "supercharge.toml").write_text('[model]\nmodel = "no/such/checkpoint/here"\n')
    told = supercharge(home, "generate", "double.py::double")
    assert told.returncode == 2, told
    assert "no/such/checkpoint/here" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_missing_sandbox_is_exit_3_with_the_command_that_mends_it(home: Path) -> None:
    extra = '[sandbox]\nengine = "docker"\ndocker_host = "unix:///nowhere/docker.sock"\n'
    configure(home, SOLVING, extra)
    told = supercharge(home, "generate", "double.py::double")
    assert told.returncode == 3
    assert "to mend it: " in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.docker
def test_a_runtime_that_docker_lacks_is_exit_3_and_the_doctor_says_it(home: Path) -> None:
    configure(home, SOLVING, '[sandbox]\nruntime = "no-such-runtime"\n')
    words = "Docker has no runtime 'no-such-runtime'"
    told = supercharge(home, "generate", "double.py::double")
    assert told.returncode == 3
    assert words in told.stderr
    assert "Traceback" not in told.stderr
    doctor = supercharge(home, "doctor")
    assert words in doctor.stdout
    assert doctor.returncode == 3


@pytest.mark.docker
def test_a_solution_is_printed_with_its_evidence_and_written_as_json(home: Path) -> None:
    told = supercharge(home, "generate", "double.py::double", "--json", "out.json", "--seed", "0")
    assert told.returncode == 0, told
    for words in ("def double(n):", "def test_", "solved: score", "evidence", "judge 0.60", "pool"):
        assert words in told.stdout
    assert "sampling codes" in told.stderr
    assert (home / "double.py").read_text() == STUB
    data = json.loads((home / "out.json").read_text())
    assert data["status"] == "solved"
    assert data["score"] == pytest.approx(data["evidence"]["evidence"], abs=1e-3)
    assert data["isolation"] == "separate"
    assert data["judge"]["score"] == pytest.approx(0.6, abs=1e-3)
    assert data["seed"] == 0
    assert data["counts"]["pairs"] > data["counts"]["passing"] > 0
    assert Path(data["pool"]).is_file()


@pytest.mark.docker
def test_write_puts_a_body_and_a_passing_test_into_the_working_tree(home: Path) -> None:
    (home / "tests").mkdir()
    told = supercharge(home, "generate", "double.py::double", "--write", "--seed", "0")
    assert told.returncode == 0, told
    filled = (home / "double.py").read_text()
    assert "NotImplementedError" not in filled
    assert filled.startswith('"""A module."""\n\n\ndef double(n):\n    """Return twice n."""\n')
    assert filled.endswith("\n\n\ndef finished(n):\n    return n\n")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout


@pytest.mark.docker
def test_no_solution_is_exit_1_with_what_was_tried_and_can_be_resumed(home: Path) -> None:
    configure(home, HOPELESS)
    small = ["--candidates", "8", "--tests", "4"]
    told = supercharge(home, "generate", "double.py::double", *small)
    assert told.returncode == 1, told
    assert "no solution: the budget of samples is spent" in told.stdout
    assert "tried 8 codes (1 unique) and 4 tests" in told.stdout
    assert "supercharge generate double.py::double --resume" in told.stdout
    configure(home, SOLVING)
    again = supercharge(home, "generate", "double.py::double", "--resume")
    assert again.returncode == 0, again
    pools = list((home / "state" / "supercharge" / "pools").iterdir())
    assert len(pools) == 1


@pytest.mark.docker
def test_a_second_run_keeps_the_first_ones_pool(home: Path) -> None:
    for _ in range(2):
        assert supercharge(home, "generate", "double.py::double").returncode == 0
    assert len(list((home / "state" / "supercharge" / "pools").iterdir())) == 2


@pytest.mark.docker
def test_ctrl_c_keeps_the_pool_and_says_how_to_go_on(home: Path) -> None:
    configure(home, HOPELESS, "[search]\ncandidates = 1000000\ntests = 1000000\n")
    process = subprocess.Popen(
        [SUPERCHARGE, "generate", "double.py::double"],
        cwd=home,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "pairs 0 run" not in line and "pairs" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in err
    assert "nothing found so far is lost" in out
    assert "supercharge generate double.py::double --resume" in out
    [pool] = (home / "state" / "supercharge" / "pools").iterdir()
    lines = pool.read_text().splitlines()
    assert any('"result"' in line for line in lines)
    for line in lines:
        json.loads(line)


def test_score_shows_the_worst_function_and_what_the_opinion_is_worth(home: Path) -> None:
    told = supercharge(home, "score", "double.py", "--json", "scores.json")
    assert told.returncode == 0, told.stderr
    assert " 0.60  double.py:9 finished" in told.stdout
    assert "judge.weight is 0" in told.stdout
    assert "judging 1 function" in told.stderr
    assert json.loads((home / "scores.json").read_text())["functions"][0]["line"] == 9


def test_doctor_says_what_is_there(home: Path) -> None:
    (home / "supercharge.toml").unlink()
    told = supercharge(home, "doctor")
    assert told.returncode == 0, told
    for part in ("python", "configuration", "model", "sandbox: docker", "sandbox: bubblewrap"):
        assert f" {part}: " in told.stdout


def test_doctor_says_how_to_mend_what_is_not(home: Path) -> None:
    configure(home, SOLVING, '[sandbox]\ndocker_host = "unix:///nowhere/docker.sock"\n')
    told = supercharge(home, "doctor")
    assert "absent  sandbox: docker" in told.stdout
    assert "to mend it: " in told.stdout


@pytest.mark.docker
@pytest.mark.model
def test_the_embedded_model_fills_a_real_stub(home: Path) -> None:
    (home / "supercharge.toml").unlink()
    (home / "even.py").write_text(
        'def is_even(n):\n    """Return True if the integer n is even, False otherwise."""\n'
    )
    told = supercharge(home, "generate", "even.py::is_even", "--seed", "1", "--json", "out.json")
    assert told.returncode == 0, told
    namespace: dict[str, object] = {}
    exec(json.loads((home / "out.json").read_text())["code"], namespace)  # noqa: S102
    is_even = namespace["is_even"]
    assert [is_even(n) for n in (0, 1, 2, 7, -4)] == [True, False, True, False, True]  # type: ignore[operator]
