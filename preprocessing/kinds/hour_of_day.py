"""Kind `hour_of_day`: the hour of the request, UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from preprocessing.kinds.kind import Kind

if TYPE_CHECKING:
    import tensorflow as tf

    from preprocessing.features import ModelFeature
    from preprocessing.transform import Analyses


class HourOfDay(Kind):
    """The hour of the day, from 1, which begins at midnight, to 24."""

    sides: ClassVar[tuple[str, ...]] = ("context",)

    @property
    def size(self) -> int:
        """See Kind."""
        return 24

    def index(self, feature: ModelFeature, graph: Analyses) -> tf.Tensor:
        """See Kind."""
        return graph.request_times // 3600 % 24 + 1
