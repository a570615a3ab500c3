"""The model that training starts from: the last one that was blessed for an earlier day."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.example_gen import utils
from tfx.dsl.components.common import resolver

from pipelines.components.blessing_gate import FINAL, SPAN


class LatestBlessedOfEarlierSpan(resolver.ResolverStrategy):
    """Resolves `model` to the blessed model of the newest span before that of `records`, if it was there before them.

    So a model never starts from one that has seen the days it is tested on, not even where an old
    day is run again; and a run that is repeated starts from what it started from, and finds its
    training in the cache.
    """

    def resolve_artifacts(
        self, store: Any, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]] | None:
        """Picks from all `model`, all `model_blessing` and the one `records`; an empty list where there is none."""
        (records,) = input_dict["records"]
        today = records.get_int_custom_property(utils.SPAN_PROPERTY_NAME)
        spans = {
            blessing.get_int_custom_property("current_model_id"): blessing.get_int_custom_property(
                SPAN
            )
            for blessing in input_dict["model_blessing"]
            if blessing.get_int_custom_property(FINAL) == 1
            and blessing.get_int_custom_property("blessed") == 1
        }
        earlier = [
            x for x in input_dict["model"] if x.id < records.id and 0 < spans.get(x.id, 0) < today
        ]
        latest = sorted(earlier, key=lambda model: (spans[model.id], model.id))[-1:]
        return input_dict | {"model": latest}
