"""A run's configuration: one YAML file for the data set, the trainer and the evaluation."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import pydantic

from pipelines.beam import BeamConfig
from pipelines.checks.config import ChecksConfig
from pipelines.tuning import TuningConfig, override
from preprocessing.config import Config, load_yaml
from preprocessing.features import feature_name, record_features
from preprocessing.known_paths import KnownPath
from preprocessing.paths import PATTERN_MARKS, absolute, is_local, is_pattern
from preprocessing.spec import DatasetSpec
from preprocessing.spec_records import SpanSplit
from trainer.config import TrainerConfig

LOG = "run.log"
ARTIFACTS = "artifacts"


class EvaluationConfig(Config):
    """When a model is blessed.

    Attributes:
        min_auc: The least AUC of every task on the test split.
        min_auc_over_rules: How far the AUC of every task must be above that of two plain rules on
            the test split: whether an item was seen in training, and its number of training events.
            -1 asks for nothing.
        max_auc_drop: How far the AUC may fall below the last blessed model's.
        counts_rows: Candidates of a split that boosted trees on counts, a rival of every model, are
            trained, stopped or tested on at most: whole requests, drawn by `trainer.seed`, but for
            those of the test split, which are the same with every seed. 0: there are none.
        must_beat: Rivals that a model has to rank better than on every task, or it isn't pushed:
            `counts`.
        push: Which model is pushed. `ranker`: the one with the encoder. `cheaper`: the base ranker
            without it, unless the encoder pays: unless the 95 % interval of its gain in AUC is
            above 0 on a task, and below 0 on none.
        slices: User and context features to report by, besides history length and item popularity.
    """

    min_auc: float = pydantic.Field(0.5, ge=0, le=1)
    min_auc_over_rules: float = pydantic.Field(0.0, ge=-1, le=1)
    max_auc_drop: float = pydantic.Field(0.005, ge=0)
    counts_rows: int = pydantic.Field(500_000, ge=0)
    must_beat: tuple[Literal["counts"], ...] = ()
    push: Literal["ranker", "cheaper"] = "ranker"
    slices: tuple[str, ...] = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> EvaluationConfig:
        if self.must_beat and not self.counts_rows:
            raise ValueError(
                "must_beat: [counts] needs counts to beat, and counts_rows: 0 asks for none"
            )
        if self.push == "cheaper" and not self.counts_rows:
            raise ValueError(
                "push: cheaper needs the encoder's gain, which is measured on the candidates of "
                "counts_rows. Received: counts_rows: 0"
            )
        return self


class RunConfig(Config):
    """A run's whole configuration.

    Attributes:
        dataset: The dataset spec.
        trainer: Encoder, ranker and how they are trained.
        evaluation: When a model is good enough.
        checks: When the data is good enough.
        data_dir: Where the spec's relative paths start.
        runs_dir: Results go to `<runs_dir>/<dataset name>`, on this machine.
        artifacts_dir: Artifacts, rejected rows and pushed models go to
            `<artifacts_dir>/<dataset name>`; by default to `runs_dir`. A gs:// path where Beam's
            workers or whole components run on other machines.
        beam: Where the Beam jobs run.
        span: The newest day that is read where the data set is split in spans, as a number of days
            since 1970; by default the newest that has a file.
        warm_start: Whether training starts from the last blessed model of an earlier span, its rows
            moved to today's vocabularies, rather than from nothing; for data sets that are split in
            spans. The first day, and one without a blessed model before it, starts from nothing.
        tuning: What `srp4ctr tune` tries.
    """

    dataset: DatasetSpec
    trainer: TrainerConfig = TrainerConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    checks: ChecksConfig = ChecksConfig()
    data_dir: KnownPath = "data"
    runs_dir: KnownPath = "runs"
    artifacts_dir: KnownPath | None = None
    beam: BeamConfig = BeamConfig()
    span: int | None = pydantic.Field(None, ge=0)
    warm_start: bool = False
    tuning: TuningConfig = TuningConfig()

    # The folder of a run whose directory isn't called as the data set is.
    _folder: str | None = pydantic.PrivateAttr(None)

    @pydantic.model_validator(mode="after")
    def _check(self) -> RunConfig:
        self._check_names()
        self._check_folders()
        self.trainer.check_fits(self.dataset)
        # A search must not fail after some of its trials.
        for setting in self.tuning.settings():
            override(self.trainer, {}, setting, self.trainer.seed).check_fits(self.dataset)
        if self.warm_start and self.span is None and not isinstance(self.dataset.split, SpanSplit):
            raise ValueError(
                "warm_start needs a split in spans (dataset.split.train: 7, ...): of any other an "
                "earlier model may have seen what today's is tested on"
            )
        if self.warm_start and self.evaluation.push == "cheaper":
            raise ValueError(
                "warm_start trains the last pushed model's encoder further, and evaluation.push: "
                "cheaper may push a ranker without one. Leave one of the two out"
            )
        warm_epochs = self.trainer.pretrain.warm_epochs
        if warm_epochs is not None and not self.warm_start:
            raise ValueError(
                "trainer.pretrain.warm_epochs counts only where training starts from an earlier "
                f"model: give `warm_start: true`, or leave it out. Received: {warm_epochs}"
            )
        return self

    def _check_names(self) -> None:
        """Refuses names of features that the data set doesn't have."""
        features = self.dataset.features
        sliced_by = {feature_name("user", name) for name in features.user}
        for name, feature in features.context.items():
            if feature.checked_as:
                sliced_by.add(feature_name("context", name))
        unknown = sorted(set(self.evaluation.slices) - sliced_by)
        if unknown:
            raise ValueError(
                f"evaluation.slices must be among {sorted(sliced_by)}. Received: {unknown}"
            )
        recorded = {feature.name for feature in record_features(self.dataset)}
        unknown = sorted(set(self.checks.thresholds) - recorded)
        if unknown:
            raise ValueError(
                f"checks.thresholds must be among {sorted(recorded)}. Received: {unknown}"
            )

    def _check_folders(self) -> None:
        for key in ("runs_dir", "artifacts_dir"):
            folder = getattr(self, key) or ""
            if is_pattern(folder):
                raise ValueError(
                    f"{key} is a pattern to TFX if it has one of {PATTERN_MARKS} in it. Received: "
                    f"{folder}"
                )

    @property
    def spec(self) -> DatasetSpec:
        """The dataset spec with its paths under `data_dir`."""
        return self.dataset.with_data_dir(absolute(self.data_dir))

    def at_span(self, span: int | None = None) -> RunConfig:
        """The configuration of one run over a rolling window.

        It is the same one if the data set isn't split in spans.

        Args:
            span: Replaces `span`.

        Raises:
            DataError: a day that is needed has no file.
        """
        from preprocessing.rolling import at_span, newest_span

        newest = self.span if span is None else span
        if newest is None and isinstance(self.dataset.split, SpanSplit):
            newest = newest_span(self.spec.events.paths[0])
        return self.model_copy(update={"dataset": at_span(self.spec, newest), "span": newest})

    @property
    def paths(self) -> RunPaths:
        """Where this run's results are."""
        folder = self._folder or self.dataset.name
        root = Path(self.runs_dir).absolute() / folder
        if self.artifacts_dir is None:
            return RunPaths(root, f"{absolute(self.runs_dir)}/{folder}")
        return RunPaths(root, f"{absolute(self.artifacts_dir)}/{self.dataset.name}")

    def in_folder(self, run_dir: Path) -> RunConfig:
        """The same of a run that lies in `run_dir` now, whatever that is called."""
        moved = self.model_copy(update={"runs_dir": str(run_dir.absolute().parent)})
        moved._folder = run_dir.absolute().name
        return moved


@dataclasses.dataclass(frozen=True)
class RunPaths:
    """The layout of a run.

    Attributes:
        root: What only this machine reads and writes: metadata, log and report.
        storage: What components and Beam workers read and write, wherever they run; a path or a
            URL.
    """

    root: Path
    storage: str

    @property
    def is_local(self) -> bool:
        """Whether the storage is on this machine."""
        return is_local(self.storage)

    @property
    def artifacts(self) -> str:
        """TFX's pipeline root."""
        return f"{self.storage}/{ARTIFACTS}"

    @property
    def quarantine(self) -> str:
        """Rejected rows and the data report."""
        return f"{self.storage}/quarantine"

    @property
    def backup(self) -> str:
        """What an interrupted training run leaves for the next one to go on from."""
        return f"{self.storage}/backup"

    @property
    def pushed(self) -> str:
        """Where the Pusher puts versions."""
        return f"{self.storage}/serving_model"

    @property
    def serving_model(self) -> Path:
        """The same as a path, for what reads it on this machine."""
        return Path(self.pushed)

    @property
    def metadata(self) -> Path:
        """ML Metadata's SQLite file."""
        return self.root / "metadata.sqlite"

    @property
    def report(self) -> Path:
        """metrics.json and index.html."""
        return self.root / "report"

    @property
    def log(self) -> Path:
        """Everything that TFX, Beam and TensorFlow say."""
        return self.root / LOG


def load_run_config(path: str | Path) -> RunConfig:
    """Reads a run's YAML file.

    Raises:
        ConfigError: it can't be read, or a key is unknown or wrong.
    """
    return load_yaml(path, RunConfig)
