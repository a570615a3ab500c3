"""What an experiment found: the content of its results.json, and of each cell's result.json."""

from __future__ import annotations

from pipelines.content import Content, Kept, LearningCurves, Number
from pipelines.tuning import Overrides


class CellResult(Kept):
    """What any training leaves.

    Attributes:
        curves: While it trained.
        seconds: How long it took.
        cpu_seconds: Of all its threads.
        trainer: Its configuration.
        commit: The revision of the code that trained; None where nothing tells it.
        stack: Packages that trained, and their versions.
    """

    curves: LearningCurves = {}
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    trainer: Overrides = {}
    commit: str | None = None
    stack: dict[str, str] = {}


class PretrainResult(CellResult):
    """What a pre-training leaves.

    Attributes:
        attributes: Loss, accuracy and accuracy by chance of each hidden attribute.
        started_from: The ranker that it started from; experiments have none.
    """

    attributes: dict[str, dict[str, Number]]
    started_from: str | None


class RankResult(CellResult):
    """What the training of a ranker leaves.

    Attributes:
        validation_auc: Its best, by which it is tuned.
        evaluations_per_epoch: How often there is one.
    """

    validation_auc: float
    evaluations_per_epoch: int = 1


class Spread(Content):
    """A metric over seeds; there is no deviation of a single one."""

    mean: float
    sd: float | None


class SliceResult(Content):
    """The candidates of a slice, and the mean AUC over seeds."""

    auc: float
    candidates: int


class Difference(Content):
    """AUC points over the best baseline, with their 95 % interval.

    Attributes:
        points: Ours less theirs.
        low: The interval's lower end.
        high: Its upper end.
        seeds: Those that both have; given once, for all candidates.
    """

    points: float
    low: float
    high: float
    seeds: list[int] | None = None


class ModelResult(Content):
    """One row of the results.

    Attributes:
        seeds: Those that are done.
        validation_auc: The mean of the tasks' AUC on the validation split, which settings are
            chosen by. The other figures are the test split's.
        metrics: By the keys of pipelines.metrics.METRICS.
        slices: By name; those without both labels are left out.
        setting: What tuning chose.
        difference: By slice, and of all candidates; empty for the best baseline.
    """

    seeds: list[int]
    validation_auc: Spread
    metrics: dict[str, Spread]
    slices: dict[str, SliceResult]
    setting: Overrides
    difference: dict[str, Difference]


class TaskResult(Content):
    """The models, and which baseline they are compared with; None until one is done."""

    best_baseline: str | None
    models: dict[str, ModelResult]


class Made(Content):
    """How the results were made, in words, so that they can be made again."""

    command: str
    date: str
    commit: str
    stack: str
    data: str
    seeds: str
    tuning: str
    trainer: Overrides
    resamples: int


class Found(Content):
    """The content of results.json.

    Attributes:
        made: How they were made.
        missing: Trainings that are not done, by model.
        tasks: By name.
    """

    made: Made
    missing: dict[str, int]
    tasks: dict[str, TaskResult]
