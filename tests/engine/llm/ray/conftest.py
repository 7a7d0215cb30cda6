from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.llm import ModelSettings
from engine.llm.base import Completion, Prompt, SamplingParams
from engine.llm.ray import RayModel

PROMPT = Prompt("def factorial(n):")
REPLIES = [f"\n    return {number}\n```\n" for number in range(40)]


def ask(model: RayModel, **how: Any) -> list[Completion]:
    cancel = how.pop("cancel", None)
    return list(model.complete(PROMPT, SamplingParams(**how), cancel=cancel))


def script(folder: Path, **more: Any) -> ModelSettings:
    """Settings of a cluster whose replicas answer from a script of this test's own."""
    path = folder / "script.json"
    words = {"replies": {"": REPLIES}, "choices": {"": {"yes": 0.7, "no": 0.2}}}
    path.write_text(json.dumps(words | more), encoding="utf-8")
    return ModelSettings(backend="ray", ray_backend="scripted", model=str(path))


def opened(folder: Path, *, keep_s: float = 4.0, ray_replicas: int = 0, **more: Any) -> RayModel:
    """A model of replicas that answer from a script, and end soon after it is closed."""
    settings = replace(script(folder, **more), ray_replicas=ray_replicas)
    return RayModel.open(settings, keep_s=keep_s, look_every_s=0.2)


@pytest.fixture
def scripted_replicas(
    tmp_path: Path, ray_nodes: Any, keep: Callable[[Any], Any]
) -> Callable[..., RayModel]:
    """Opens models that the test may hurt."""
    return lambda **how: keep(opened(tmp_path, **how))


@pytest.fixture(scope="module")
def slow(ray_nodes: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayModel]:
    """A model of at least two replicas that take their time, for tests that leave it as it was."""
    ray_nodes.at_least(2)
    model = opened(tmp_path_factory.mktemp("slow"), seconds_per_reply=0.1)
    yield model
    model.close()
