"""A solution comes into a working tree: code and test, both or neither, nothing overwritten."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bot.landing import land, with_import
from bot.stubs import spec_from_source
from bot.textfile import TextFile
from engine.errors import BadInput
from engine.search import Solution
from engine.spec import FunctionSpec

STUB = 'def double(x):\n    """Twice x."""\n    raise NotImplementedError\n'
CODE = 'def double(x):\n    """Twice x."""\n    return x * 2\n'
TEST = "from double import double\n\n\ndef test_double():\n    assert double(2) == 4\n"


def solution(code: str = CODE, test: str = TEST) -> Solution:
    """Of a solution only what lands: the evidence is no matter of the working tree."""
    return cast("Solution", SimpleNamespace(code=code, test=test))


def project(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def spec_of(path: Path, qualname: str = "double") -> FunctionSpec:
    return spec_from_source(TextFile.read(path).text, qualname, path=str(path))


def tree(root: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()
    }


PYTHONPATH = '[tool.pytest.ini_options]\npythonpath = ["src", "."]\n'
LAYOUTS = {
    "a flat file": ({"mod.py": STUB}, "mod.py", "test_double.py"),
    "a flat file in a git repository": (
        {"mod.py": STUB, ".git/HEAD": "x"}, "mod.py", "test_double.py",
    ),
    "a folder without a package": (
        {"pyproject.toml": "", "tools/mod.py": STUB}, "tools/mod.py", "tools/test_double.py",
    ),
    "a package without tests": (
        {"pyproject.toml": "", "pkg/__init__.py": "", "pkg/sub/__init__.py": "",
        "pkg/sub/mod.py": STUB},
        "pkg/sub/mod.py", "pkg/sub/test_double.py",
    ),
    "a package's own code": (
        {"pyproject.toml": "", "pkg/__init__.py": STUB}, "pkg/__init__.py", "pkg/test_double.py",
    ),
    "a tests package beside a flat file": (
        {".git/HEAD": "x", "mod.py": STUB, "tests/__init__.py": ""}, "mod.py", "tests/test_double.py",
    ),
    "tests and a conftest at the root": (
        {".git/HEAD": "x", "conftest.py": "", "pkg/__init__.py": "", "pkg/mod.py": STUB,
        "tests/test_a.py": ""},
        "pkg/mod.py", "tests/test_double.py",
    ),
    "tests that cannot import the file": (
        {".git/HEAD": "x", "mod.py": STUB, "tests/test_a.py": ""}, "mod.py", "test_double.py",
    ),
    "a src layout by pyproject": (
        {"pyproject.toml": PYTHONPATH, "src/pkg/__init__.py": "", "src/pkg/mod.py": STUB,
        "tests/a.txt": ""},
        "src/pkg/mod.py", "tests/test_double.py",
    ),
    "a src layout by pytest.ini": (
        {"pytest.ini": "[pytest]\npythonpath = src\n", "src/mod.py": STUB, "tests/a.txt": ""},
        "src/mod.py", "tests/test_double.py",
    ),
    "a src layout by tox.ini": (
        {"tox.ini": "[pytest]\npythonpath =\n    src\n", "src/mod.py": STUB, "tests/a.txt": ""},
        "src/mod.py", "tests/test_double.py",
    ),
    "a src layout by setup.cfg": (
        {"setup.cfg": "[tool:pytest]\npythonpath = src\n", "src/mod.py": STUB, "test/a.txt": ""},
        "src/mod.py", "test/test_double.py",
    ),
    "tests inside the package": (
        {"pyproject.toml": "", "pkg/__init__.py": "", "pkg/mod.py": STUB, "pkg/tests/__init__.py": ""},
        "pkg/mod.py", "pkg/tests/test_double.py",
    ),
    "a name that no import can say": ({"my-script.py": STUB}, "my-script.py", "test_double.py"),
    "a name that is a keyword": ({"lambda.py": STUB}, "lambda.py", "test_double.py"),
}  # fmt: skip


@pytest.mark.parametrize(("files", "code", "test"), LAYOUTS.values(), ids=LAYOUTS)
def test_given_a_layout_then_the_landed_test_passes_from_the_projects_root(
    tmp_path, files, code, test
):
    project(tmp_path, **files)

    landed = land(spec_of(tmp_path / code), solution())

    assert landed == (tmp_path / code, tmp_path / test)
    assert (tmp_path / code).read_text() == CODE
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [
        os.path.join(os.path.dirname(sys.executable), "pytest"),
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    ran = subprocess.run(
        [*command, "--rootdir", "."], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout


def test_given_a_project_that_gets_installed_then_its_test_goes_to_its_tests(tmp_path):
    project(tmp_path, **{"pyproject.toml": "", "src/pkg/mod.py": STUB, "tests/a.txt": ""})

    _, test = land(spec_of(tmp_path / "src/pkg/mod.py"), solution())

    assert test == tmp_path / "tests" / "test_double.py"
    assert test.read_text() == TEST.replace("from double", "from pkg.mod")


def test_given_tests_that_import_the_file_already_then_the_new_one_goes_to_them(tmp_path):
    project(tmp_path, **{"mod.py": STUB, "tests/test_a.py": "import os\nfrom mod import other\n"})

    _, test = land(spec_of(tmp_path / "mod.py"), solution())

    assert test == tmp_path / "tests" / "test_double.py"


def test_given_tests_above_the_projects_root_then_they_are_not_this_projects(tmp_path):
    project(
        tmp_path, **{"tests/a.txt": "", "conftest.py": "", "own/.git/HEAD": "", "own/mod.py": STUB}
    )

    _, test = land(spec_of(tmp_path / "own/mod.py"), solution())

    assert test == tmp_path / "own" / "test_double.py"


@pytest.mark.parametrize("broken", ["[tool", "[tool]\npytest = 1\n"])
def test_given_a_configuration_that_is_broken_then_the_test_lands_all_the_same(tmp_path, broken):
    project(tmp_path, **{"pyproject.toml": broken, "mod.py": STUB, "tests/a.txt": ""})

    _, test = land(spec_of(tmp_path / "mod.py"), solution())

    assert test == tmp_path / "tests" / "test_double.py"


def test_given_a_relative_path_then_the_test_lands_beside_it(tmp_path, monkeypatch):
    project(tmp_path, **{"mod.py": STUB})
    monkeypatch.chdir(tmp_path)

    code, test = land(spec_of(Path("mod.py")), solution())

    assert (code.read_text(), test.resolve()) == (CODE, tmp_path / "test_double.py")


def test_given_test_files_of_that_name_then_none_is_overwritten(tmp_path):
    taken = {"test_double.py": "mine", "test_double_2.py": "mine too"}
    project(tmp_path, **{"mod.py": STUB, **taken})

    _, test = land(spec_of(tmp_path / "mod.py"), solution())

    assert test == tmp_path / "test_double_3.py"
    assert {name: (tmp_path / name).read_text() for name in taken} == taken


def test_given_a_file_that_changed_elsewhere_then_the_body_goes_into_it_as_it_is_now(tmp_path):
    project(tmp_path, **{"mod.py": STUB})
    spec = spec_of(tmp_path / "mod.py")
    (tmp_path / "mod.py").write_bytes(
        b"import os\r\n\r\n\r\n" + STUB.replace("\n", "\r\n").encode()
    )

    land(spec, solution())

    now = (tmp_path / "mod.py").read_bytes()
    assert now == b"import os\r\n\r\n\r\n" + CODE.replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (STUB.replace("(x)", "(x, y)"), "changed while its body was written; nothing written"),
        (STUB.replace("Twice", "Half"), "changed while its body was written; nothing written"),
        (STUB.replace("def", "async def"), "changed while its body was written; nothing written"),
        (CODE, "is not a stub: it has a body already"),
        ("x = 1\n", "has no function double"),
        ("def double(:\n", "does not parse"),
        (None, "there is no file"),
    ],
)
def test_given_a_stub_that_changed_or_vanished_then_nothing_is_written(tmp_path, now, said):
    project(tmp_path, **{"mod.py": STUB})
    spec = spec_of(tmp_path / "mod.py")
    if now is None:
        (tmp_path / "mod.py").unlink()
    else:
        (tmp_path / "mod.py").write_text(now)
    before = tree(tmp_path)

    with pytest.raises(BadInput, match=said):
        land(spec, solution())

    assert tree(tmp_path) == before


def test_given_a_body_that_does_not_fit_then_nothing_is_written(tmp_path):
    project(tmp_path, **{"mod.py": STUB})
    before = tree(tmp_path)

    with pytest.raises(BadInput, match="the new body does not fit into"):
        land(spec_of(tmp_path / "mod.py"), solution(code="def double(y):\n    return y\n"))

    assert tree(tmp_path) == before


def test_given_a_file_whose_encoding_cannot_hold_the_body_then_no_test_is_left(tmp_path):
    project(tmp_path, **{"mod.py": "# coding: ascii\n" + STUB})
    before = tree(tmp_path)

    with pytest.raises(BadInput, match="cannot hold the new body"):
        land(spec_of(tmp_path / "mod.py"), solution(code=CODE.replace("x * 2", "x * 2 or '数'")))

    assert tree(tmp_path) == before


@pytest.mark.parametrize("failing", ["mod.py", "test_double.py"])
def test_given_a_disk_that_fails_then_neither_file_is_left_half_written(
    tmp_path, monkeypatch, failing
):
    project(tmp_path, **{"mod.py": STUB})
    spec = spec_of(tmp_path / "mod.py")
    before = tree(tmp_path)
    really_open = Path.open

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, os.strerror(28))

    def opened(path: Path, *args: object, **kwargs: object):
        file = really_open(path, *args, **kwargs)
        if path.name == "test_double.py":
            monkeypatch.setattr(file, "write", full, raising=False)
        return file

    if failing == "mod.py":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "open", opened)

    with pytest.raises(BadInput, match=rf"^cannot write .*{failing}: No space left on device$"):
        land(spec, solution())

    assert tree(tmp_path) == before


def test_given_a_method_then_its_class_is_imported(tmp_path):
    source = "class Number:\n    def double(self): ...\n"
    project(tmp_path, **{"mod.py": source})
    spec = spec_of(tmp_path / "mod.py", "Number.double")
    test = "from Number import Number\n\n\ndef test_double():\n    assert Number().double() == 4\n"

    code, landed = land(spec, solution("def double(self):\n    return 4\n", test))

    assert landed.read_text().startswith("from mod import Number\n")
    assert code.read_text() == "class Number:\n    def double(self):\n        return 4\n"


def test_given_a_spec_then_only_its_own_import_is_changed():
    test = "import f\nfrom f import f\nfrom f import f as g\n"

    assert with_import(test, "f", "a.b") == "import f\nfrom a.b import f\nfrom f import f as g\n"


def test_given_another_path_for_the_same_stub_then_it_lands_there(tmp_path):
    project(tmp_path, **{"mod.py": STUB, "other.py": STUB})

    land(replace(spec_of(tmp_path / "mod.py"), path=str(tmp_path / "other.py")), solution())

    assert (tmp_path / "mod.py").read_text() == STUB
    assert (tmp_path / "other.py").read_text() == CODE
