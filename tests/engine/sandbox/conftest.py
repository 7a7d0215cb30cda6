from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from engine.sandbox.base import Sandbox, SandboxSettings
from engine.sandbox.bubblewrap import BubblewrapEngine
from engine.sandbox.docker import DockerEngine
from engine.sandbox.session import RunnerSandbox
from engine.verdicts import PairResult, Verdict

GOOD = "def double(n):\n    return 2 * n\n"
TEST = "from double import double\n\n\ndef test_double():\n    assert double(4) == 8\n"

KINDS = [
    pytest.param("docker", marks=pytest.mark.docker),
    "bubblewrap",
    "bubblewrap-one-user",
]


def open_kind(kind: str, settings: SandboxSettings | None = None) -> RunnerSandbox:
    settings = settings or SandboxSettings(memory_mb=512, tmpfs_mb=32)
    if kind == "docker":
        return RunnerSandbox(DockerEngine(settings), settings)
    as_root = kind == "bubblewrap"
    return RunnerSandbox(BubblewrapEngine(settings, as_root=as_root), settings)


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def opened(kind: str) -> Iterator[Sandbox]:
    with open_kind(kind) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def separate_and_full() -> Iterator[tuple[Sandbox, Sandbox]]:
    """One sandbox that runs plain pairs apart, and one that runs all of them by pytest."""
    whole = SandboxSettings(separate=False)
    with open_kind("bubblewrap") as separate, open_kind("bubblewrap", whole) as full:
        yield separate, full


class Runs:
    """One sandbox, asked for single pairs of a function `double`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def __call__(self, code: str = GOOD, test: str = TEST, timeout_s: float = 20.0) -> PairResult:
        pairs = self.sandbox.run_pairs(
            {"code": code}, {"test": test}, entry_point="double", timeout_s=timeout_s
        )
        (result,) = pairs
        return result

    def still_honest(self) -> None:
        """The next honest pairs get their honest verdicts."""
        verdicts = {
            result.code_id: result.verdict
            for result in self.sandbox.run_pairs(
                {"good": GOOD, "bad": "def double(n):\n    return n\n"},
                {"test": TEST},
                entry_point="double",
            )
        }
        assert verdicts == {"good": Verdict.PASSED, "bad": Verdict.FAILED}


@pytest.fixture
def run(opened: Sandbox) -> Iterator[Runs]:
    runs = Runs(opened)
    yield runs
    runs.still_honest()


@pytest.fixture
def open_here(kind: str) -> Iterator[Callable[..., RunnerSandbox]]:
    """Opens sandboxes of this kind that the test may hurt; closes them."""
    made: list[RunnerSandbox] = []

    def opener(settings: SandboxSettings | None = None) -> RunnerSandbox:
        made.append(open_kind(kind, settings))
        return made[-1]

    yield opener
    for sandbox in made:
        sandbox.close()


@pytest.fixture(scope="session")
def docker_host() -> str:
    """Where the engine answers that the sandbox would use."""
    engine = DockerEngine(SandboxSettings())
    engine.close()
    return engine.host
