"""Sandboxes on every node of a Ray cluster, one `Sandbox` to the engine.

A thin layer: on each node an actor opens the sandbox that the node has, and runs what it is given.
"""

from __future__ import annotations

from engine.sandbox.base import Project, SandboxSettings
from engine.sandbox.ray.session import RaySandbox

__all__ = ["RaySandbox", "open_everywhere"]


def open_everywhere(settings: SandboxSettings, project: Project | None = None) -> RaySandbox:
    """A sandbox on every node of the cluster. Raises SandboxUnavailable when no node has one."""
    return RaySandbox.open(settings, project)
