"""A model on every node of a Ray cluster, one `LanguageModel` to the engine.

Plain actors, not Ray Serve: the engine has to know which samples a lost replica still owed, so that
exactly those are drawn elsewhere, and which replicas are idle, so that one ask is spread over them.
Serve hides both, and brings a web server along that nobody calls.
"""

from __future__ import annotations

from engine.llm.ray.model import RayModel
from engine.llm.settings import ModelSettings

__all__ = ["RayModel", "open_replicas"]


def open_replicas(settings: ModelSettings) -> RayModel:
    """The model of `settings` on the cluster that it names, once a first replica has loaded it.

    Replicas of the same model and version that are there already are used. Raises ModelUnavailable
    when there is no cluster or no replica could load, BadInput for a model that does not exist.
    """
    return RayModel.open(settings)
