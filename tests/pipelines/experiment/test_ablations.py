"""Every model of the ablations, rivals and options differs from the whole one as it is named, and
in nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from pipelines.config import load_run_config
from pipelines.experiment.config import ExperimentConfig
from preprocessing.config import load_yaml
from tests.testing_trainer import no_catalog, random_features, toy_fields
from trainer.config import TrainerConfig
from trainer.models.fg_bert import FGBert
from trainer.models.srp4ctr import Srp4Ctr
from trainer.pretraining.cloze import ClozeModel
from trainer.pretraining.electra import Electra
from trainer.pretraining.masking import mask_history
from trainer.pretraining.s3rec import S3Rec
from trainer.registry import create_objective, create_ranker

ROOT = Path(__file__).parent.parent.parent.parent
Parts = dict[str, Any]


def _config(experiment: str, name: str) -> TrainerConfig:
    config = load_yaml(ROOT / f"configs/experiments/{experiment}.yaml", ExperimentConfig)
    run = load_run_config(ROOT / config.run)
    return config.trainer_config(run.trainer, name, {}, seed=1)


def _parts(config: TrainerConfig) -> Parts:
    """What a configuration makes: the ranker's and the pre-training's parts, and what is hidden in
    one batch."""
    fields = toy_fields()
    features = random_features(fields, [4, 3, 4])
    ranker = create_ranker(fields, config)
    assert isinstance(ranker, Srp4Ctr)
    ranker(features)
    encoder = FGBert(fields, config.encoder)
    objective = create_objective(encoder, config.pretrain, no_catalog(encoder.fields))
    history = {name: x for name, x in features.items() if name.startswith("history_")}
    batch = mask_history(history, encoder.fields, config.pretrain.masking, tf.constant([1, 2]))
    return {
        "encoder": ranker.encoder is not None,
        "frozen": ranker.encoder is not None and not ranker.encoder.trainable_weights,
        "uca": ranker.uca is not None,
        "set-wise": ranker.among is not None,
        "tokens": ranker.qt.tokens if ranker.qt else 0,
        "layers": len([layer for layer in ranker.encoder.stack if layer.weights])
        if ranker.encoder
        else 0,
        "reads": set(encoder.embeddings),
        "hides": {name for name in ("item", "behavior") if batch[f"{name}_mask"].numpy().any()},
        "objective": type(objective),
        "sampled above": getattr(config.pretrain, "sampled_softmax_above", None),
    }


WHOLE: Parts = {
    "encoder": True,
    "frozen": False,
    "uca": True,
    "set-wise": False,
    "tokens": 4,
    "layers": 2,
    "reads": {"item_id", "tags", "brand", "price", "action", "gap"},
    "hides": {"item", "behavior"},
    "objective": ClozeModel,
    "sampled above": 50_000,
}
NO_GAPS = {"reads": WHOLE["reads"] - {"gap"}}
NO_ENCODER = {"encoder": False, "uca": False, "tokens": 0, "layers": 0}
CHANGES: dict[tuple[str, str], Parts] = {
    ("ml_100k_ablations", "whole"): {},
    ("ml_100k_ablations", "without_uca"): {"uca": False},
    ("ml_100k_ablations", "without_qt"): {"tokens": 0},
    ("ml_100k_ablations", "without_side_information"): {"reads": {"item_id"}, "hides": {"item"}},
    ("ml_100k_ablations", "without_time_gaps"): NO_GAPS,
    ("ml_100k_ablations", "without_pretraining"): {},
    ("ml_100k_ablations", "without_encoder"): NO_ENCODER,
    ("ml_100k_ablations", "item_masking_alone"): {"hides": {"item"}},
    ("ml_100k_ablations", "behavior_masking_alone"): {"hides": {"behavior"}},
    ("ml_100k_ablations", "sampled_softmax"): {"sampled above": 500},
    ("ml_100k_sizes", "whole"): NO_GAPS,
    ("ml_100k_sizes", "frozen_encoder"): NO_GAPS | {"frozen": True},
    ("ml_100k_sizes", "one_query_token"): NO_GAPS | {"tokens": 1},
    ("ml_100k_sizes", "eight_query_tokens"): NO_GAPS | {"tokens": 8},
    ("ml_100k_sizes", "one_layer"): NO_GAPS | {"layers": 1},
    ("ml_100k_sizes", "three_layers"): NO_GAPS | {"layers": 3},
    ("ml_100k_sizes", "histories_of_25"): NO_GAPS,
    ("ml_100k_sizes", "histories_of_50"): NO_GAPS,
    ("ml_100k_rivals", "bert4rec"): {"reads": {"item_id"}, "hides": {"item"}},
    ("ml_100k_rivals", "electra"): {"objective": Electra},
    ("ml_100k_rivals", "s3rec"): {"objective": S3Rec, "sampled above": None},
    ("ml_100k_rivals", "frozen_user_vector"): {"frozen": True, "uca": False, "tokens": 0},
    ("ml_100k_rivals", "embeddings_only"): {"uca": False, "tokens": 0, "layers": 0},
    ("ml_100k_rivals", "end_to_end"): {"uca": False, "tokens": 0},
    ("ml_100k_rivals", "srp4ctr"): {},
    ("ml_100k_beyond", "whole"): {},
    ("ml_100k_beyond", "set_wise"): {"set-wise": True},
}


@pytest.mark.slow
@pytest.mark.parametrize(("experiment", "name"), CHANGES, ids=[name for _, name in CHANGES])
def test_a_switch_changes_what_it_names(experiment: str, name: str) -> None:
    assert _parts(_config(experiment, name)) == WHOLE | CHANGES[experiment, name]


@pytest.mark.parametrize("experiment", sorted({experiment for experiment, _ in CHANGES}))
def test_every_model_is_checked(experiment: str) -> None:
    config = load_yaml(ROOT / f"configs/experiments/{experiment}.yaml", ExperimentConfig)
    assert set(config.models) == {name for of, name in CHANGES if of == experiment}


def test_history_length_is_the_data_sets() -> None:
    """L is set where the records are: dataset.history.length, or a model's; the encoder has a
    position for each."""
    fields = toy_fields()
    encoder = FGBert(fields, TrainerConfig().encoder)
    encoder(random_features(fields, [4]))
    assert encoder.position.weights[0].shape[0] == fields.history_length + 1
    sizes = load_yaml(ROOT / "configs/experiments/ml_100k_sizes.yaml", ExperimentConfig).models
    lengths = {
        name: model.history_length
        for name, model in sizes.items()
        if model.history_length is not None
    }
    assert lengths == {"histories_of_25": 25, "histories_of_50": 50}
