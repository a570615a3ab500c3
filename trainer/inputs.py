"""What a training stage is given: files by split, the transform graph, spec and configuration."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from preprocessing.artifact_files import is_of_split, split_files
from preprocessing.code_fingerprint import code_fingerprint
from preprocessing.config import SAVED
from preprocessing.spec import DatasetSpec
from trainer.config import TrainerConfig
from trainer.data import TransformedRecords
from trainer.fields import Fields, fields_of
from trainer.stages import CATALOG, STAGE_SPLITS

if TYPE_CHECKING:
    from tensorflow_transform import TFTransformOutput
    from tfx.components.trainer.fn_args_utils import FnArgs


@dataclasses.dataclass(frozen=True)
class StageInputs:
    """The files and the configuration of one stage.

    Files are given as patterns, of transformed, gzipped TFRecords.

    Attributes:
        train: Files to train on.
        validation: Files to stop and report by.
        catalog: Files of split `catalog`.
        transform_dir: Transform's output directory (a TFTransformOutput).
        spec: The dataset spec.
        config: The trainer's configuration.
        backup_dir: Where a killed run leaves what the next one goes on from; None keeps nothing.
        tensorboard_dir: Where TensorBoard's logs go; None writes none.
        start_from: An earlier ranker's export that pre-training starts from; None starts from
            nothing.

    Raises:
        ConfigError: the configuration doesn't fit the spec.
    """

    train: Sequence[str]
    validation: Sequence[str]
    catalog: Sequence[str]
    transform_dir: str
    spec: DatasetSpec
    config: TrainerConfig
    backup_dir: str | None = None
    tensorboard_dir: str | None = None
    start_from: str | None = None

    def __post_init__(self) -> None:
        self.config.check_fits(self.spec)

    @classmethod
    def from_transform(
        cls,
        stage: str,
        examples: str,
        graph: str,
        spec: DatasetSpec,
        config: TrainerConfig,
        **others: Any,
    ) -> StageInputs:
        """From what TFX's Transform left.

        Args:
            stage: One of STAGE_SPLITS.
            examples: The directory of the transformed examples, with one folder per split.
            graph: The directory of the transform graph.
            spec: The dataset spec.
            config: The trainer's configuration.
            **others: The other attributes, or those that replace what is found.
        """
        train, validation = STAGE_SPLITS[stage]
        found = {
            "train": [split_files(examples, train)],
            "validation": [split_files(examples, validation)],
            "catalog": [split_files(examples, CATALOG)],
        }
        return cls(transform_dir=graph, spec=spec, config=config, **found | others)

    @classmethod
    def from_fn_args(cls, fn_args: FnArgs) -> StageInputs:
        """From the arguments TFX gives a run_fn."""
        catalog = [pattern for pattern in fn_args.train_files if is_of_split(pattern, CATALOG)]
        return cls(
            train=[pattern for pattern in fn_args.train_files if pattern not in catalog],
            validation=list(fn_args.eval_files),
            catalog=catalog,
            transform_dir=fn_args.transform_output,
            spec=DatasetSpec.from_json(fn_args.custom_config["spec"]),
            config=TrainerConfig.model_validate_json(
                fn_args.custom_config["trainer"], context=SAVED
            ),
            backup_dir=fn_args.custom_config.get("backup_dir"),
            tensorboard_dir=fn_args.model_run_dir,
        )

    def stage_directory(self, stage: str, started_from: str | None = None) -> str | None:
        """Where backups of a stage are; None where none are kept.

        A run with another configuration, other data or other code has another directory, and so
        finds none.
        """
        if self.backup_dir is None:
            return None
        settings = self.spec.model_dump_json() + self.config.model_dump_json()
        made_by = (
            self.train,
            self.validation,
            self.catalog,
            self.transform_dir,
            settings,
            started_from,
            # Other code may have other weights, or read other batches.
            code_fingerprint("preprocessing", "trainer"),
        )
        digest = hashlib.sha256(repr(made_by).encode()).hexdigest()[:16]
        return os.path.join(self.backup_dir, f"{stage}-{digest}")

    def transform_output(self) -> TFTransformOutput:
        """Transform's output, loaded."""
        import tensorflow_transform as tft  # takes a second, and brings Beam along

        return tft.TFTransformOutput(self.transform_dir)

    def records(self) -> TransformedRecords:
        """A reader of these files."""
        return TransformedRecords(self.fields(), self.transform_output())

    def fields(self) -> Fields:
        """The spec's fields, sized by the vocabularies."""
        return fields_of(self.spec, self.transform_output())
