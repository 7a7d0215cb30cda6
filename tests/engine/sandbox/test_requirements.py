"""Packages of candidates: found by pipreqs, allowed or refused, installed apart."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from engine.errors import BadInput
from engine.sandbox import SandboxSettings
from engine.sandbox.requirements import install, requirements_for
from engine.verdicts import Verdict


def test_imports_become_distributions_held_against_the_list():
    sources = [
        "import os, json\nimport numpy as np\nfrom yaml import load\n",
        "def f():\n    import cv2\n",
        "from double import double\nimport pytest\nfrom . import x\n",
        "import numpy.linalg\n",
        "this does not parse",
        "(" * 5000,
    ]
    found = requirements_for(sources, allowed=["NumPy>=1", "requests"], entry_point="double")
    assert found.wanted == ("NumPy>=1",)
    assert found.refused == {"yaml": "PyYAML", "cv2": "opencv_python"} or found.refused.keys() == {
        "yaml",
        "cv2",
    }


def test_nothing_is_asked_of_the_standard_library():
    assert requirements_for(["import tomllib, graphlib, zoneinfo\n"]).refused == {}


def test_an_unreadable_allow_list_is_bad_input():
    with pytest.raises(BadInput, match="no requirement"):
        requirements_for([], allowed=["numpy; rm -rf"])


def make_wheel(directory: Path, name: str, source: str, requires: str = "") -> None:
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {f"{name}.py": source, f"{info}/METADATA": metadata, f"{info}/WHEEL": wheel}
    with zipfile.ZipFile(directory / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        listing = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
        archive.writestr(f"{info}/RECORD", listing)


@pytest.fixture
def index(tmp_path, monkeypatch):
    """An index with three packages, and nothing behind it."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "tinymath", "def twice(n):\n    return 2 * n\n")
    make_wheel(wheels, "othermath", "def thrice(n):\n    return 3 * n\n")
    make_wheel(wheels, "needymath", "import tinymath\n", requires="tinymath")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return wheels


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.usefixtures("own_cache")
def test_what_is_allowed_is_installed_once(index):
    layer = install(["tinymath"], allowed=["tinymath"])
    assert layer.directory is not None
    assert (layer.directory / "tinymath.py").is_file()
    for wheel in index.iterdir():
        wheel.unlink()
    assert install(["tinymath"], allowed=["tinymath"]) == layer


@pytest.mark.usefixtures("own_cache", "index")
def test_what_a_package_needs_must_be_allowed_too():
    layer = install(["needymath"], allowed=["needymath"])
    assert layer.directory is None
    assert layer.problem == "it needs the package tinymath, which is not on the allow-list"
    assert install(["needymath"], allowed=["needymath", "tinymath"]).directory is not None


@pytest.mark.usefixtures("own_cache", "index")
def test_a_package_that_is_not_there_takes_no_other_along():
    layer = install(["tinymath", "nosuchmath"], allowed=["tinymath", "nosuchmath"])
    assert layer.directory is not None
    assert (layer.directory / "tinymath.py").is_file()
    assert "nosuchmath" in layer.problem


CODES = {
    "allowed": "from tinymath import twice as double\n",
    "refused": "from othermath import thrice\n\ndef double(n):\n    return thrice(n)\n",
    "late": "def double(n):\n    import othermath\n",
    "missing": "import nosuchmath\n\ndef double(n):\n    return 2 * n\n",
    "vandal": "import tinymath\nopen(tinymath.__file__, 'w')\n\ndef double(n):\n    return 2 * n\n",
    "plain": "def double(n):\n    return 2 * n\n",
}
TEST = "from double import double\n\n\ndef test_double():\n    assert double(4) == 8\n"


@pytest.mark.usefixtures("index")
def test_candidates_get_allowed_packages_and_clear_verdicts_for_others(open_here):
    allowed = ("tinymath", "nosuchmath")
    sandbox = open_here(SandboxSettings(memory_mb=512, allowed_packages=allowed))
    results = {
        result.code_id: result
        for result in sandbox.run_pairs(CODES, {"t": TEST}, entry_point="double")
    }
    passed = {name for name, result in results.items() if result.verdict is Verdict.PASSED}
    assert passed == {"allowed", "plain"}, results
    assert {r.verdict for r in results.values()} == {Verdict.PASSED, Verdict.FAILED}
    for name in ("refused", "late"):
        assert results[name].error == "ModuleNotFoundError"
        assert results[name].message.endswith("the package othermath is not on the allow-list")
    assert "it could not be installed" in results["missing"].message
    assert results["vandal"].message.startswith("OSError: [Errno 30]")


def test_with_no_list_the_verdict_still_says_why(opened):
    results = opened.run_pairs({"c": "import numpy\n"}, {"t": TEST}, entry_point="double")
    (result,) = results
    assert result.verdict is Verdict.FAILED
    assert result.message == "No module named 'numpy': the package numpy is not on the allow-list"
