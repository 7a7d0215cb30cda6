"""A project's own code beside a candidate: there to import, and not to change."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.sandbox import rootfs
from engine.sandbox.base import Project, Sandbox, SandboxSettings
from engine.sandbox.bubblewrap import BubblewrapEngine
from engine.sandbox.docker import DockerEngine
from engine.sandbox.project import laid_out, with_project
from engine.sandbox.session import RunnerSandbox
from engine.verdicts import Verdict

CODE = "from shop.prices import vat\n\n\ndef gross(net):\n    return net * (1 + vat())\n"
TEST = "from gross import gross\n\n\ndef test_gross():\n    assert gross(100) == 120\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").write_text("")
    (tmp_path / "shop/prices.py").write_text("def vat():\n    return 0.2\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("secret")
    (tmp_path / "leak.py").symlink_to("/etc/passwd")
    return tmp_path


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "bubblewrap"])
def opener(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], Sandbox]]:
    opened: list[RunnerSandbox] = []

    def opener(root: Path) -> Sandbox:
        settings = SandboxSettings(memory_mb=512, tmpfs_mb=32)
        engine = DockerEngine(settings) if request.param == "docker" else BubblewrapEngine(settings)
        opened.append(RunnerSandbox(engine, settings, project=Project((root,))))
        return opened[-1]

    yield opener
    for sandbox in opened:
        sandbox.close()


def test_a_candidate_imports_the_project_and_cannot_change_it(opener, checkout):
    look = (
        "import os\nimport pytest\nimport shop.prices\nfrom gross import gross\n\n\n"
        "def test_look():\n"
        "    assert gross(100) == 120\n"
        "    with pytest.raises(OSError):\n        open(shop.prices.__file__, 'a')\n"
        "    root = os.path.dirname(os.path.dirname(shop.prices.__file__))\n"
        "    assert sorted(os.listdir(root)) == ['shop']\n"
    )
    sandbox = opener(checkout)
    results = sandbox.run_pairs({"c": CODE}, {"t": TEST, "look": look}, entry_point="gross")
    found = {r.test_id: (r.verdict, r.message, r.output) for r in results}
    assert {test: verdict for test, (verdict, *_) in found.items()} == {
        "t": Verdict.PASSED,
        "look": Verdict.PASSED,
    }, found


def test_the_same_files_are_laid_out_once_and_other_files_elsewhere(checkout):
    first = with_project(None, Project((checkout,)))
    assert with_project(None, Project((checkout,))) == first
    (checkout / "shop/prices.py").write_text("def vat():\n    return 0.1\n")
    other = with_project(None, Project((checkout,)))
    assert other.directory != first.directory
    assert other.directory is not None
    assert other.directory.parent == rootfs.cache_dir()


def test_what_is_too_large_is_left_out_and_the_rest_is_there(checkout, monkeypatch):
    monkeypatch.setattr("engine.sandbox.project.MOST_BYTES", 100)
    (checkout / "data.bin").write_bytes(b"x" * 200)
    directory = with_project(None, Project((checkout,))).directory
    assert directory is not None
    assert (directory / "shop/prices.py").exists()
    assert not (directory / "data.bin").exists()


def test_files_that_a_sandbox_holds_are_not_pruned(monkeypatch, tmp_path):
    """A sandbox that is kept warm may be older than what is kept of others."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = []
    for name in ("held", "let-go", "new"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "helper.py").write_text(f"NAME = {name!r}\n")
        made.append(laid_out(Project((folder,))).directory)
        if name == "held":
            files = rootfs.hold(made[0])
        os.utime(made[-1], (0, 0))
    assert [directory.exists() for directory in made] == [True, False, True]
    files.close()
