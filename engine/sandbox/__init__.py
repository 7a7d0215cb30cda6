"""Runs candidates where they can do no harm.

    with open_sandbox(SandboxSettings()) as sandbox:
        for result in sandbox.run_pairs(codes, tests, entry_point="factorial"):
            ...

Importing this package is cheap: engines are imported when one is opened.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import SandboxUnavailable
from engine.sandbox.base import Project, Sandbox, SandboxSettings

__all__ = [
    "EngineStatus",
    "Project",
    "Sandbox",
    "SandboxSettings",
    "describe_engines",
    "open_sandbox",
]


def open_sandbox(
    settings: SandboxSettings | None = None, *, project: Project | None = None
) -> Sandbox:
    """The sandbox that `settings.engine` names; `auto` prefers Docker and falls to bubblewrap.

    Who names a runtime of Docker's gets that one or none. The container itself starts with the first
    pairs. Candidates can import the code of `project`, where one is given, and not change it. Raises
    SandboxUnavailable when no engine can run candidates safely.
    """
    settings = settings or SandboxSettings()
    if settings.place == "ray":
        return _open_everywhere(settings, project)
    from engine.sandbox.session import RunnerSandbox

    reasons = []
    if "docker" in settings.allowed_engines:
        from engine.sandbox.docker import DockerEngine

        try:
            return RunnerSandbox(DockerEngine(settings), settings, project=project)
        except SandboxUnavailable as error:
            if "bubblewrap" not in settings.allowed_engines:
                raise
            reasons.append(str(error))
    from engine.sandbox.bubblewrap import BubblewrapEngine

    try:
        return RunnerSandbox(BubblewrapEngine(settings), settings, project=project)
    except SandboxUnavailable as error:
        if settings.engine == "bubblewrap":
            raise
        reasons.append(str(error))
    raise SandboxUnavailable(
        f"nothing here can run candidates safely: {'; '.join(reasons)}",
        remedy="apt-get install docker.io && deploy/engine.sh start, "
        "or for less isolation: apt-get install bubblewrap",
    )


def _open_everywhere(settings: SandboxSettings, project: Project | None) -> Sandbox:
    try:
        from engine.sandbox.ray import open_everywhere
    except ModuleNotFoundError as error:
        raise SandboxUnavailable(
            "sandbox.place is ray, and Ray is not installed",
            remedy="pip install -c deploy/constraints.txt 'supercharge-bot[ray]'",
        ) from error
    return open_everywhere(settings, project)


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Whether one engine could run candidates here, for `supercharge doctor`.

    `detail` is one line: what it is, or why it is not there. `remedy` is the command that mends it,
    empty when there is nothing to mend.
    """

    name: str
    detail: str
    remedy: str = ""
    available: bool = False


def describe_engines(settings: SandboxSettings | None = None) -> list[EngineStatus]:
    """Every engine, best first, whatever `settings.engine` says. Starts nothing, never raises."""
    settings = settings or SandboxSettings()
    from engine.sandbox.bubblewrap import BubblewrapEngine
    from engine.sandbox.docker import DockerEngine

    found = []
    engine: DockerEngine | BubblewrapEngine
    for name, kind in (("docker", DockerEngine), ("bubblewrap", BubblewrapEngine)):
        try:
            engine = kind(settings)
        except SandboxUnavailable as error:
            found.append(EngineStatus(name, str(error), error.remedy))
        else:
            lines = [engine.description, *engine.warnings, *filter(None, [engine.hint])]
            engine.close()
            found.append(EngineStatus(name, "; ".join(lines), available=True))
    return found
