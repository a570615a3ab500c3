"""What a report says, apart from how it was gathered and how it looks.

Its files are these models as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pydantic

from pipelines.checks.found import Checks
from pipelines.content import Content, Kept, LearningCurves, Number
from pipelines.counts.found import Counts
from pipelines.data_report import DataReport

WITH_ENCODER = "with_encoder"
WITHOUT_ENCODER = "without_encoder"


class Slice(Content):
    """The candidates that have one value of a feature."""

    auc: Number
    candidates: int
    positives: int


class TaskMetrics(Content):
    """A model's metrics on the test split, for one task. In files the scores lie beside `slices`.

    Attributes:
        scores: By the keys of pipelines.metrics.METRICS; a report of an older version may lack one.
        slices: By feature and value.
    """

    scores: dict[str, Number]
    slices: dict[str, dict[str, Slice]]

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_file(cls, content: Any) -> Any:
        if not isinstance(content, Mapping) or "scores" in content:
            return content
        scores = dict(content)
        slices = scores.pop("slices", None)
        return {"scores": scores, "slices": slices}

    @pydantic.model_serializer
    def _to_file(self) -> dict[str, Any]:
        return {**self.scores, "slices": self.slices}

    def score(self, key: str) -> float | None:
        """A metric by its key; None where it isn't known."""
        return self.scores.get(key)

    @property
    def auc(self) -> float | None:
        return self.score("auc")


class Attribute(Kept):
    """How well a hidden attribute of held-out users' behaviours is filled in.

    Attributes:
        loss: The mean over hidden cells.
        accuracy: How often the first guess is right.
        chance_accuracy: How often the most frequent value would be.
        hidden: How many hidden cells it was judged on; None where an older version judged.
    """

    loss: Number
    accuracy: Number
    chance_accuracy: Number
    hidden: int | None = None


class Pretrained(Kept):
    """What pre-training leaves beside its model.

    Attributes:
        attributes: What it learned, by attribute.
        curves: A value for each epoch.
        started_from: The model that it started from; None is none.
    """

    attributes: dict[str, Attribute]
    curves: LearningCurves
    started_from: str | None = None


class Finetuned(Kept):
    """What fine-tuning leaves beside its model; its curves have a value for each evaluation."""

    curves: LearningCurves


class Verdict(Content):
    """Whether the model was blessed; there are reasons only if it was not."""

    blessed: bool
    reasons: list[str]


class SplitCounts(Content):
    """The size of a split."""

    requests: int
    candidates: int


class Rivals(Content):
    """What needs no ranker, on the same test candidates.

    Attributes:
        popularity: The AUC of an item's number of training events alone, by task, in the direction
            that is right on the validation split.
        counts: What boosted trees reach on counts; None: the run was asked for none.
    """

    popularity: dict[str, Number]
    counts: Counts | None


class Interval(Content):
    """A 95 % interval."""

    low: Number
    high: Number


class RunMetrics(Content):
    """The content of metrics.json.

    Attributes:
        config: The run's configuration, as it was then.
        git_revision: Of the code, with a + where files differ from it; None where neither git nor a
            stamp tells.
        stack: Packages and their versions.
        seed: The seed of everything random.
        records: The splits' sizes.
        checks: What DataChecks compared and found.
        started_from: The model that training started from; None is none.
        pretrain: What pre-training learned, by attribute.
        tasks: The ranker's metrics.
        baseline_without_encoder: Those of the base ranker without the encoder.
        rivals: What needs no ranker; None in a report of an older version.
        seconds: How long components took.
        verdict: What became of the model.
        to_beat: The last blessed model's AUC by task, on the same candidates; None where there was
            no such model.
        pushed_version: The version that this run pushed; None if it pushed none.
        pushed_baseline: Whether that is the base ranker without the encoder.
        probabilities: By task and metric, how much worse the ranker's probabilities are than those
            of the base ranker without the encoder; empty where the run didn't compare.
        serving_model: The newest pushed version's directory.
    """

    config: dict[str, Any]
    git_revision: str | None
    stack: dict[str, str]
    seed: int
    records: dict[str, SplitCounts]
    checks: Checks
    started_from: str | None
    pretrain: dict[str, Attribute]
    tasks: dict[str, TaskMetrics]
    baseline_without_encoder: dict[str, TaskMetrics]
    seconds: dict[str, float]
    verdict: Verdict
    to_beat: dict[str, Number] | None
    pushed_version: str | None
    serving_model: str | None
    rivals: Rivals | None = None
    pushed_baseline: bool = False
    probabilities: dict[str, dict[str, Interval]] = {}

    @property
    def models(self) -> dict[str, dict[str, TaskMetrics]]:
        """Both rankers' metrics."""
        return {WITH_ENCODER: self.tasks, WITHOUT_ENCODER: self.baseline_without_encoder}


class Bucket(NamedTuple):
    """Candidates with about the same prediction.

    Attributes:
        prediction: The mean of their predictions.
        label: The mean of their labels.
        candidates: How many there are.
    """

    prediction: Number
    label: Number
    candidates: float


class RunResults(Content):
    """Everything the page shows.

    Attributes:
        metrics: The content of metrics.json.
        data: The data report of preprocessing.
        checks: What DataChecks compared and found.
        pretrain_curves: A value for each epoch.
        finetune_curves: By model (WITH_ENCODER, WITHOUT_ENCODER), a value for each evaluation.
        calibration: By model and task.
    """

    metrics: RunMetrics
    data: DataReport
    checks: Checks
    pretrain_curves: LearningCurves
    finetune_curves: dict[str, LearningCurves]
    calibration: dict[str, dict[str, list[Bucket]]]
