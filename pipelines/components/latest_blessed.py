"""The model to beat: the latest blessed one that is not the candidate itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx import types
from tfx.dsl.components.common import resolver

from pipelines.components.blessings import blessings_by_model

if TYPE_CHECKING:
    from ml_metadata import MetadataStore


class LatestBlessedOtherModel(resolver.ResolverStrategy):
    """Resolves `model` and `model_blessing` to the latest blessed model that is not `candidate`.

    TFX's LatestBlessedModelStrategy would resolve to the candidate itself when a run is repeated,
    and so evaluate and push an unchanged model again; without the candidate, a repeated run finds
    its evaluation in the cache.
    """

    def resolve_artifacts(
        self, store: MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]] | None:
        """Picks from all `model`, all `model_blessing` and the one `candidate`.

        The lists are empty where there is no such model.
        """
        candidates = {artifact.id for artifact in input_dict["candidate"]}
        blessings = blessings_by_model(input_dict["model_blessing"])
        blessed = []
        for model in input_dict["model"]:
            if model.id in blessings and model.id not in candidates:
                blessed.append(model)
        latest = sorted(blessed, key=lambda model: model.id)[-1:]
        return {
            "model": latest,
            "model_blessing": [blessings[model.id] for model in latest],
            "candidate": input_dict["candidate"],
        }
