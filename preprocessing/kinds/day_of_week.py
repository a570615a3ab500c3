"""Kind `day_of_week`: the day of the request, UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from preprocessing.kinds.kind import Kind

if TYPE_CHECKING:
    import tensorflow as tf

    from preprocessing.features import ModelFeature
    from preprocessing.transform import Analyses


class DayOfWeek(Kind):
    """The day of the week, from 1, which is Monday, to 7."""

    sides: ClassVar[tuple[str, ...]] = ("context",)

    @property
    def size(self) -> int:
        """See Kind."""
        return 7

    def index(self, feature: ModelFeature, graph: Analyses) -> tf.Tensor:
        """See Kind."""
        return (graph.request_times // 86_400 + 3) % 7 + 1  # 1 January 1970 was a Thursday
