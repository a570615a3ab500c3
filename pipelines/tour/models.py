"""Everything of a finished run that the tour looks into."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pipelines.config import RunConfig
from pipelines.metadata import RunMetadata
from pipelines.node_ids import BASELINE, EXAMPLE_GEN, PRETRAIN, RANKER
from pipelines.report.blocks import WITH, WITHOUT
from pipelines.tour.scoring import Scorer
from pipelines.tour.words import Words
from pipelines.trained import model_dir, stage_inputs
from preprocessing.artifact_files import split_files
from preprocessing.titles import read_titles
from trainer.export.assembly import serving_module
from trainer.export.serving_module import ServingModule
from trainer.pretraining.objective import Objective
from trainer.restore import restore_objective, restore_ranker
from trainer.stages import STAGE_SPLITS


@dataclasses.dataclass(frozen=True)
class TourModels:
    """A run's models.

    Attributes:
        objective: The pre-trained encoder with its heads.
        module: The ranker, with the transform graph that reads raw features.
        scorers: The exported rankers, with and without the encoder.
        words: What indices stand for.
        held_out: A glob pattern of the files of raw records of users that pre-training did not
            learn from.
    """

    objective: Objective
    module: ServingModule
    scorers: Mapping[str, Scorer]
    words: Words
    held_out: str


def load_models(config: RunConfig) -> TourModels:
    """Reads what a run left.

    Raises:
        RunError: a component has not finished.
        DataError: an older version of this package made the run, or its item table is gone.
    """
    metadata = RunMetadata(config.paths.metadata, config.dataset.name)
    inputs = stage_inputs(config, metadata)
    windows = stage_inputs(config, metadata, "pretrain")
    max_candidates = config.trainer.export.max_candidates
    ranker = restore_ranker(inputs, model_dir(metadata, RANKER))
    nodes = {WITH: RANKER, WITHOUT: BASELINE}
    examples = metadata.output(EXAMPLE_GEN, "examples")
    _, held_out = STAGE_SPLITS["pretrain"]
    scorers = {}
    for name, node in nodes.items():
        scorers[name] = Scorer(model_dir(metadata, node), max_candidates)
    return TourModels(
        objective=restore_objective(windows, model_dir(metadata, PRETRAIN)),
        module=serving_module(ranker, inputs),
        scorers=scorers,
        words=Words(read_titles(config.spec), inputs.transform_output()),
        held_out=split_files(examples, held_out),
    )
