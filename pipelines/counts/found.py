"""What was found of counts alone: the content of counts.json."""

from __future__ import annotations

from pipelines.content import Content, Number

FILE = "counts.json"


class Sampled(Content):
    """How many candidates of a split were taken, and how many it has."""

    taken: int
    all: int


class TaskCounts(Content):
    """The trees of one task beside the ranker, on the same test candidates.

    Attributes:
        auc: The trees'.
        model_auc: The ranker's.
        points: AUC points of the ranker over the trees.
        low: The lower end of the 95 % interval of `points`.
        high: Its upper end.
        trees: How many there are.
    """

    auc: Number
    model_auc: Number
    points: Number
    low: Number
    high: Number
    trees: int

    @property
    def beats_model(self) -> bool:
        """Whether the trees rank better than the ranker; False where an AUC is not known."""
        return self.points is not None and self.points < 0


class Counts(Content):
    """What boosted trees reach on counts.

    Attributes:
        missing: Why there are none; None: there are.
        features: What a candidate is described by.
        splits: How many candidates they learned from, stopped by and were tested on.
        tasks: By name.
    """

    missing: str | None
    features: list[str] = []
    splits: dict[str, Sampled] = {}
    tasks: dict[str, TaskCounts] = {}
