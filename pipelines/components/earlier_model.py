"""The model that training starts from: the last one that was blessed for an earlier day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx import types
from tfx.components.example_gen import utils
from tfx.dsl.components.common import resolver

from pipelines.components.blessings import SPAN, blessings_by_model

if TYPE_CHECKING:
    from ml_metadata import MetadataStore


class LatestBlessedOfEarlierSpan(resolver.ResolverStrategy):
    """Resolves `model` to the blessed model of the newest span before that of `records`.

    Only models that were there before the records count. So a model never starts from one that has
    seen the days it is tested on, not even where an old day is run again; and a run that is
    repeated starts from what it started from, and finds its training in the cache.
    """

    def resolve_artifacts(
        self, store: MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]] | None:
        """Picks from all `model`, all `model_blessing` and the one `records`.

        The list is empty where there is no such model.
        """
        (records,) = input_dict["records"]
        today = records.get_int_custom_property(utils.SPAN_PROPERTY_NAME)
        blessings = blessings_by_model(input_dict["model_blessing"])
        earlier: list[tuple[int, int, types.Artifact]] = []
        for model in input_dict["model"]:
            if model.id not in blessings:
                continue
            span = blessings[model.id].get_int_custom_property(SPAN)
            # Artifact ids grow with time.
            if model.id < records.id and 0 < span < today:
                earlier.append((span, model.id, model))
        if not earlier:
            return input_dict | {"model": []}
        _, _, latest = max(earlier, key=lambda found: found[:2])
        return input_dict | {"model": [latest]}
