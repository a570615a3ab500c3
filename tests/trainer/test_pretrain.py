"""Pre-training's export, and its encoder in the ranker."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.errors import DataError
from tests.testing_trainer import eagerly, random_features
from tests.trainer.conftest import TINY, Toy
from trainer.config import EncoderConfig
from trainer.finetune import build_ranker
from trainer.models.fg_bert import FGBert
from trainer.models.srp4ctr import Srp4Ctr
from trainer.pretrain import CHECKPOINT, RESULTS, _chance, load_encoder, pretrain
from trainer.pretraining.batches import MaskedBatches
from trainer.restore import restore_objective

LENGTHS = (4, 2, 1)
ATTRIBUTES = {"item_id", "tags", "brand", "price", "action", "gap"}


def _exported_output(folder: Path, encoder: FGBert, features: dict[str, tf.Tensor]) -> np.ndarray:
    """What the exported encoder gives for the indices that it reads: numbers are the ranker's
    alone."""
    history = {field.name: features[field.name] for field in encoder.fields.of("history")}
    return (
        tf.saved_model.load(str(folder)).signatures["serving_default"](**history)["encoded"].numpy()
    )


def test_pretrained_weights_arrive_in_the_ranker(toy: Toy, pretrained: Path) -> None:
    inputs = toy.inputs("train", "validation")
    features = random_features(inputs.fields(), LENGTHS)
    trained = build_ranker(inputs, _batches(features), str(pretrained))
    untrained = build_ranker(inputs, _batches(features), None)
    assert trained.encoder is not None and untrained.encoder is not None
    expected = _exported_output(pretrained, trained.encoder, features)
    np.testing.assert_allclose(trained.encoder(features).output, expected, atol=1e-5)
    assert not np.allclose(untrained.encoder(features).output, expected, atol=1e-2)


def test_uni_cross_attention_starts_from_the_pretrained_layers(toy: Toy, pretrained: Path) -> None:
    inputs = toy.inputs("train", "validation")
    ranker = build_ranker(
        inputs, _batches(random_features(inputs.fields(), LENGTHS)), str(pretrained)
    )
    assert isinstance(ranker, Srp4Ctr) and ranker.encoder is not None and ranker.uca is not None
    for i, layer in enumerate(ranker.encoder.stack):
        np.testing.assert_array_equal(ranker.uca.queries[i].kernel, layer.query.kernel)
        pairs = zip(ranker.uca.add_attended[i].weights, layer.add_attended.weights, strict=True)
        assert all(np.array_equal(own, its) and own is not its for own, its in pairs)


def _batches(features: dict[str, tf.Tensor]) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensors((features, {}, {}))


@pytest.mark.parametrize(
    "changes",
    [{"dim": 16}, {"layers": 3}, {"feedforward": 32}],
    ids=["width", "layers", "feed-forward width"],
)
def test_a_checkpoint_of_another_shape_is_refused(
    toy: Toy, pretrained: Path, changes: dict[str, int]
) -> None:
    fields = toy.inputs("train", "validation").fields()
    encoder = FGBert(fields, EncoderConfig.model_validate({**TINY["encoder"], **changes}))
    encoder(random_features(fields, LENGTHS))
    with pytest.raises((AssertionError, ValueError)):
        load_encoder(encoder, str(pretrained))


def test_the_restored_objective_predicts_as_the_trained_one_did(toy: Toy, pretrained: Path) -> None:
    inputs = toy.inputs("pretrain", "validation")
    model = restore_objective(inputs, str(pretrained))
    model.compile()
    scores = model.evaluate(
        MaskedBatches(inputs).once(inputs.validation), verbose=0, return_dict=True
    )
    for name, expected in json.loads((pretrained / RESULTS).read_text(encoding="utf-8"))[
        "attributes"
    ].items():
        assert scores[f"{name}_loss"] == pytest.approx(expected["loss"], rel=1e-5), name


def test_an_export_without_heads_says_what_to_do(
    toy: Toy, pretrained: Path, tmp_path: Path
) -> None:
    inputs = toy.inputs("pretrain", "validation")
    encoder = restore_objective(inputs, str(pretrained)).encoder
    tf.train.Checkpoint(encoder=encoder).write(str(tmp_path / CHECKPOINT))
    with pytest.raises(DataError, match="Run `srp4ctr run` again"):
        restore_objective(inputs, str(tmp_path))


def test_a_missing_checkpoint_is_an_error(toy: Toy, tmp_path: Path) -> None:
    fields = toy.inputs("train", "validation").fields()
    encoder = FGBert(fields, EncoderConfig.model_validate(TINY["encoder"]))
    encoder(random_features(fields, LENGTHS))
    with pytest.raises(tf.errors.NotFoundError):
        load_encoder(encoder, str(tmp_path))


def test_results_say_how_each_attribute_is_predicted(pretrained: Path) -> None:
    results = json.loads((pretrained / RESULTS).read_text(encoding="utf-8"))
    assert set(results["attributes"]) == ATTRIBUTES
    for name, scores in results["attributes"].items():
        assert set(scores) == {"loss", "accuracy", "chance_accuracy", "hidden"}
        assert scores["hidden"] > 0, name
        # Accuracies are shares of just so many values.
        right = scores["accuracy"] * scores["hidden"]
        assert right == pytest.approx(round(right), abs=0.01), name
        assert 0 <= scores["accuracy"] <= 1 and 0 < scores["chance_accuracy"] <= 1, name
        assert scores["loss"] > 0, name
    for name in ("loss", "val_loss", "item_id_accuracy", "val_action_loss"):
        assert len(results["curves"][name]) == 2 and np.isfinite(results["curves"][name]).all(), (
            name
        )


def test_chance_accuracy_with_a_batch_that_hides_nothing(toy: Toy) -> None:
    """A last batch of one user with two behaviours has no behaviour-related cell hidden."""
    fields = toy.inputs("train", "validation").fields().of("history")
    (field,) = [field for field in fields if field.field == "action"]
    values = tf.constant([[1, 1, 2]], tf.int64)
    hidden = tf.constant([[True, True, True]])
    batches = []
    for mask in (hidden, tf.zeros_like(hidden), hidden):
        batches.append({"targets": {field.name: values}, "behavior_mask": mask})
    chance, hidden = _chance(field, batches)
    assert chance == pytest.approx(2 / 3) and hidden == 6


@pytest.mark.parametrize(
    ("objective", "features", "logged"),
    [
        ("electra", "all", "detection_accuracy"),
        ("s3rec", "all", "sp_loss"),
        ("cloze", "ids", "item_id_accuracy"),
    ],
)
def test_every_objective_leaves_an_encoder_for_the_ranker(
    toy: Toy, tmp_path: Path, objective: str, features: str, logged: str
) -> None:
    changes = {
        "pretrain": {"epochs": 1, "batch_size": 24, "objective": objective},
        "encoder": TINY["encoder"] | {"features": features},
    }
    with eagerly():
        results = pretrain(toy.inputs("pretrain", "validation", **changes), str(tmp_path))
    assert np.isfinite(results["curves"][f"val_{logged}"]).all()
    assert set(results["attributes"]) == ({"item_id"} if objective == "cloze" else set())
    inputs = toy.inputs("train", "validation", **changes)
    features_ = random_features(inputs.fields(), LENGTHS)
    ranker = build_ranker(inputs, _batches(features_), str(tmp_path))
    assert ranker.encoder is not None
    expected = _exported_output(tmp_path, ranker.encoder, features_)
    np.testing.assert_allclose(ranker.encoder(features_).output, expected, atol=1e-5)
