"""Both stages in lower precision and by XLA, and the float32 model that they leave behind."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from preprocessing.features import candidate_inputs, user_inputs
from serving import contract
from tests.testing_trainer import dense_inputs, eagerly
from tests.trainer.conftest import TINY, Exported, Toy
from trainer.export.saved_model import export
from trainer.finetune import finetune
from trainer.inputs import StageInputs
from trainer.models.ranker import Ranker
from trainer.pretrain import RESULTS, pretrain
from trainer.ranking_batches import RankingBatches

NEAR = 0.03  # of a loss, relatively: a bfloat16 has three digits
# Each precision draws other random numbers of the same seeds, so other units would be dropped. And
# Adam's first steps are as long for a gradient that is rounding alone as for any other: at the
# toy's rate of 0.01 two precisions part within six of them, in some orders of the records.
GENTLE = {
    "encoder": TINY["encoder"] | {"dropout": 0.0},
    "ranker": TINY["ranker"] | {"dropout": 0.0},
    "finetune": TINY["finetune"] | {"optimizer": {"learning_rate": 0.001}},
}
NEAR_BY_XLA = 0.1  # it draws other random numbers of the same seeds, so other units are dropped


def _pretraining_loss(folder: Path) -> float:
    loss: float = json.loads((folder / RESULTS).read_text())["curves"]["val_loss"][-1]
    return loss


def _finetuning_loss(results: dict[str, Any]) -> float:
    loss: float = results["curves"]["val_loss"][-1]
    return loss


def _scores(ranker: Ranker, inputs: StageInputs, task: str) -> np.ndarray:
    """The probabilities of the validation split's candidates, sorted."""
    batches = RankingBatches(inputs).once(inputs.validation)
    scores = []
    for batch, _, _ in batches:
        probabilities = tf.sigmoid(ranker(batch)[task])
        scores.append(probabilities[batch["candidate_item_id"] > 0])
    return np.sort(tf.concat(scores, 0))


@pytest.mark.slow
@pytest.mark.skipif(
    "TEST_CLUSTER" not in os.environ, reason="minutes of compiling, only by make test-cluster"
)
def test_bfloat16_by_xla_learns_what_float32_does_and_leaves_float32(
    toy: Toy, pretrained: Path, exported: Exported, tmp_path: Path
) -> None:
    changes = {"precision": "bfloat16", "jit_compile": True}
    pretrain(toy.inputs("pretrain", "validation", **changes), str(tmp_path / "encoder"))
    assert _pretraining_loss(tmp_path / "encoder") == pytest.approx(
        _pretraining_loss(pretrained), rel=NEAR_BY_XLA
    )

    inputs = toy.inputs("train", "validation", **changes)
    ranker, results = finetune(inputs, str(pretrained))
    assert _finetuning_loss(results) == pytest.approx(
        _finetuning_loss(exported.results), rel=NEAR_BY_XLA
    )

    export(ranker, inputs, str(tmp_path / "ranker"))
    types = tf.train.load_checkpoint(
        str(tmp_path / "ranker/variables/variables")
    ).get_variable_to_dtype_map()
    assert not {tf.bfloat16, tf.half} & set(types.values())
    raws = toy.raw["validation"]
    request = dense_inputs([*user_inputs(toy.spec), *candidate_inputs(toy.spec)], raws)
    scores = tf.saved_model.load(str(tmp_path / "ranker")).signatures[contract.PREDICT](**request)
    for task, score in scores.items():
        real = score[request["candidate_item_id"] != ""]
        np.testing.assert_allclose(
            np.sort(real), _scores(ranker, inputs, task), atol=1e-5, err_msg=task
        )


@pytest.fixture(scope="module")
def loss_without_dropout(toy: Toy, pretrained: Path) -> float:
    """Of fine-tuning in float32."""
    with eagerly():
        _, results = finetune(toy.inputs("train", "validation", **GENTLE), str(pretrained))
    return _finetuning_loss(results)


@pytest.mark.parametrize(("precision", "near"), [("bfloat16", 0.01), ("float16", 0.001)])
def test_lower_precision_learns_what_float32_does(
    toy: Toy,
    pretrained: Path,
    loss_without_dropout: float,
    tmp_path: Path,
    precision: str,
    near: float,
) -> None:
    changes = GENTLE | {"precision": precision}
    with eagerly():
        pretrain(toy.inputs("pretrain", "validation", precision=precision), str(tmp_path))
        ranker, results = finetune(toy.inputs("train", "validation", **changes), str(pretrained))
    assert _pretraining_loss(tmp_path) == pytest.approx(_pretraining_loss(pretrained), rel=NEAR)
    assert _finetuning_loss(results) == pytest.approx(loss_without_dropout, rel=near)
    layers = [layer for layer in ranker.submodules if isinstance(layer, keras.layers.Layer)]
    assert {layer.compute_dtype for layer in layers} == {"float32"}
    assert {weight.dtype.name for weight in ranker.trainable_weights} == {"float32"}
