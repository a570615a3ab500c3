"""The day of the request, UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from preprocessing.kinds.kind import Kind

if TYPE_CHECKING:
    from preprocessing.features import ModelFeature
    from preprocessing.spec import Feature
    from preprocessing.transform import Analyses


class DayOfWeek(Kind):
    """1 is Monday."""

    sides = ("context",)
    column = None

    def size(self, spec: Feature) -> int:
        """See Kind."""
        return 7

    def index(self, feature: ModelFeature, spec: Feature, graph: Analyses) -> Any:
        """See Kind."""
        return (graph.request_times // 86_400 + 3) % 7 + 1  # 1 January 1970 was a Thursday
