"""The model to beat: the latest blessed one that is no candidate itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx import types
from tfx.components.example_gen import utils
from tfx.dsl.components.common import resolver

from pipelines.components.blessings import SPAN, blessings_by_model

if TYPE_CHECKING:
    from ml_metadata import MetadataStore

CANDIDATES = ("ranker", "without_encoder")


class LatestBlessedOtherModel(resolver.ResolverStrategy):
    """Resolves `model` and `model_blessing` to the latest blessed model that is no candidate.

    Candidates are the run's two rankers, `ranker` and `without_encoder`: either may be pushed.

    TFX's LatestBlessedModelStrategy would resolve to a candidate itself when a run is repeated,
    and so evaluate and push an unchanged model again; without the candidates, a repeated run finds
    its evaluation in the cache.

    Where `records` have a span, only models of spans up to that count: where an old day is run
    again, a later model may have seen what today's is tested on.
    """

    def resolve_artifacts(
        self, store: MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]] | None:
        """Picks from all `model` and all `model_blessing`, given one of each candidate and records.

        The lists are empty where there is no such model.
        """
        candidates = {artifact.id for name in CANDIDATES for artifact in input_dict[name]}
        (records,) = input_dict["records"]
        today = records.get_int_custom_property(utils.SPAN_PROPERTY_NAME)
        blessings = blessings_by_model(input_dict["model_blessing"])
        blessed = []
        for model in input_dict["model"]:
            if model.id not in blessings or model.id in candidates:
                continue
            span = blessings[model.id].get_int_custom_property(SPAN)
            if not today or 0 < span <= today:
                blessed.append(model)
        latest = sorted(blessed, key=lambda model: model.id)[-1:]
        return input_dict | {
            "model": latest,
            "model_blessing": [blessings[model.id] for model in latest],
        }
