"""What was found of the ranker's rivals on its own candidates: the content of counts.json."""

from __future__ import annotations

from pipelines.content import Content, Number

FILE = "counts.json"


class Sampled(Content):
    """How many candidates of a split were taken, and how many it has."""

    taken: int
    all: int


class Gain(Content):
    """How much better the ranker is than a rival, on the same test candidates.

    Attributes:
        points: AUC points of the ranker over the rival.
        low: The lower end of the 95 % interval of `points`.
        high: Its upper end.
    """

    points: Number
    low: Number
    high: Number

    @property
    def is_above(self) -> bool:
        """Whether the whole interval is above 0; False where it isn't known."""
        return self.low is not None and self.low > 0

    @property
    def is_below(self) -> bool:
        """Whether the whole interval is below 0; False where it isn't known."""
        return self.high is not None and self.high < 0


class TaskCounts(Gain):
    """The trees of one task beside the ranker.

    Attributes:
        auc: The trees'.
        model_auc: The ranker's.
        trees: How many there are.
    """

    auc: Number
    model_auc: Number
    trees: int

    @property
    def beats_model(self) -> bool:
        """Whether the trees rank better than the ranker; False where an AUC is not known."""
        return self.points is not None and self.points < 0


class Counts(Content):
    """What boosted trees reach on counts, and the ranker's own gain by its encoder.

    Attributes:
        missing: Why there are no trees; None: there are.
        features: What a candidate is described by.
        splits: How many candidates they learned from, stopped by and were tested on.
        tasks: The trees', by name.
        encoder: The gain over the base ranker without the encoder, by task; empty in a report of
            an older version.
        slices: The same by task, feature and value, of the slices with enough candidates.
    """

    missing: str | None
    features: list[str] = []
    splits: dict[str, Sampled] = {}
    tasks: dict[str, TaskCounts] = {}
    encoder: dict[str, Gain] = {}
    slices: dict[str, dict[str, dict[str, Gain]]] = {}
