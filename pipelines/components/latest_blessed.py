"""The model to beat: the latest blessed one that is no candidate itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx import types
from tfx.dsl.components.common import resolver

from pipelines.components.blessings import blessings_by_model

if TYPE_CHECKING:
    from ml_metadata import MetadataStore

CANDIDATES = ("ranker", "without_encoder")


class LatestBlessedOtherModel(resolver.ResolverStrategy):
    """Resolves `model` and `model_blessing` to the latest blessed model that is no candidate.

    Candidates are the run's two rankers, `ranker` and `without_encoder`: either may be pushed.

    TFX's LatestBlessedModelStrategy would resolve to a candidate itself when a run is repeated,
    and so evaluate and push an unchanged model again; without the candidates, a repeated run finds
    its evaluation in the cache.
    """

    def resolve_artifacts(
        self, store: MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]] | None:
        """Picks from all `model` and all `model_blessing`, given one of each candidate.

        The lists are empty where there is no such model.
        """
        candidates = {artifact.id for name in CANDIDATES for artifact in input_dict[name]}
        blessings = blessings_by_model(input_dict["model_blessing"])
        blessed = []
        for model in input_dict["model"]:
            if model.id in blessings and model.id not in candidates:
                blessed.append(model)
        latest = sorted(blessed, key=lambda model: model.id)[-1:]
        return input_dict | {
            "model": latest,
            "model_blessing": [blessings[model.id] for model in latest],
        }
