"""The statistics that drift is measured against: the previous run's, or an earlier span's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx import types
from tfx.dsl.components.common import resolver

if TYPE_CHECKING:
    from ml_metadata import MetadataStore


class PreviousStatistics(resolver.ResolverStrategy):
    """Resolves `statistics` to the newest that came before `current` and has the same splits.

    A run that is repeated finds the same ones, and so its checks in the cache; statistics of
    serving logs have other splits. Where `current` has a span, those of the newest span before it
    count, also where an old day is run again.
    """

    def resolve_artifacts(
        self, store: MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]] | None:
        """Picks from all `statistics` and the one `current`; an empty list on the first run."""
        (current,) = input_dict["current"]
        earlier = []
        for artifact in input_dict["statistics"]:
            same_splits = artifact.split_names == current.split_names
            # Without spans, all have 0.
            is_before = 0 < artifact.span < current.span if current.span else True
            if same_splits and is_before and artifact.id < current.id:
                earlier.append(artifact)
        # Ids grow with time.
        earlier.sort(key=lambda artifact: (artifact.span if current.span else 0, artifact.id))
        latest = earlier[-1:]
        return {"statistics": latest, "current": input_dict["current"]}
