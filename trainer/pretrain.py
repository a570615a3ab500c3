"""Pre-trains FG-BERT and exports it, with its encoder's checkpoint beside the SavedModel's assets."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from preprocessing.errors import DataError
from trainer.fields import Field
from trainer.inputs import StageInputs
from trainer.models.fg_bert import FGBert
from trainer.optimizer import build_optimizer
from trainer.pretraining.masking import mask_history
from trainer.pretraining.registry import create_objective
from trainer.progress import EpochProgress

CHECKPOINT = "assets.extra/encoder/checkpoint"
RESULTS = "assets.extra/pretrain.json"


def run_fn(fn_args: Any) -> None:
    """TFX Trainer's entry point."""
    pretrain(StageInputs.from_fn_args(fn_args), fn_args.serving_model_dir)


def pretrain(inputs: StageInputs, model_dir: str) -> dict[str, Any]:
    """Trains on users' histories; writes a SavedModel, the encoder checkpoint and results.

    Raises:
        DataError: there are no windows to train on, or none of held-out users.

    Returns:
        {"attributes": {name: {"loss", "accuracy", "chance_accuracy"}}, "curves": {log name: [a value an epoch]}},
        measured on held-out users; objectives that predict no attributes have none. `chance_accuracy` is that of
        always giving the attribute's most frequent value.
    """
    config = inputs.config.pretrain
    keras.utils.set_random_seed(inputs.config.seed)
    validation = _masked_batches(inputs, inputs.validation, shuffle=False).cache()
    steps = _count(
        _masked_batches(inputs, inputs.train, shuffle=False),
        "pretrain",
        "no user has two or more events before the training cut-off",
    )
    _count(validation, "pretrain_validation", "one user in twenty is held out, and the log has too few users")
    encoder = FGBert(inputs.fields(), inputs.config.encoder, name="encoder")
    model = create_objective(encoder, config, inputs.records().catalog(inputs.catalog))
    model.compile(build_optimizer(config.optimizer, steps * config.epochs))
    history = model.fit(
        _masked_batches(inputs, inputs.train, shuffle=True, epochs=config.epochs),
        epochs=config.epochs,
        steps_per_epoch=steps,
        validation_data=validation,
        verbose=0,
        callbacks=[EpochProgress("pre-training epoch", ("loss", "val_loss"))],
    )
    scores = model.evaluate(validation, verbose=0, return_dict=True)
    history_fields = encoder.fields.of("history")
    results = {"attributes": _summary(scores, history_fields, validation), "curves": history.history}
    _export(encoder, history_fields, results, model_dir)
    return results


def load_encoder(encoder: FGBert, model_dir: str) -> None:
    """Restores a built encoder from a pre-training export; every weight must be found.

    Raises:
        AssertionError: the checkpoint lacks a weight of `encoder`, or has one of another shape (ValueError).
    """
    path = os.path.join(model_dir, CHECKPOINT)
    tf.train.Checkpoint(encoder=encoder).read(path).assert_existing_objects_matched()


def _count(batches: tf.data.Dataset, split: str, reason: str) -> int:
    count = sum(1 for _ in batches)
    if not count:
        raise DataError(f"split {split} is empty: {reason}.")
    return count


def _masked_batches(inputs: StageInputs, files: Sequence[str], shuffle: bool, epochs: int = 1) -> tf.data.Dataset:
    """Batches of masked windows; each epoch hides other cells, reproducibly by the seed."""
    records, seed, fields = inputs.records(), inputs.config.seed, inputs.fields()
    if inputs.config.encoder.features == "ids":
        fields = fields.ids_only()
    catalog = records.catalog(inputs.catalog)
    batches = records.batches(files, inputs.config.pretrain.batch_size, seed if shuffle else None).repeat(epochs)

    def mask(index: tf.Tensor, batch: dict[str, tf.Tensor]) -> dict[str, Any]:
        key = tf.stack([tf.constant(seed, tf.int64), index * 2])
        return mask_history(catalog.fill(batch), fields, inputs.config.pretrain.masking, key)

    return batches.enumerate().map(mask, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _summary(scores: dict[str, float], fields: list[Field], validation: tf.data.Dataset) -> dict[str, Any]:
    return {
        field.field: {
            "loss": scores[f"{field.field}_loss"],
            "accuracy": scores[f"{field.field}_accuracy"],
            "chance_accuracy": _chance(field, validation),
        }
        for field in fields
        if f"{field.field}_accuracy" in scores
    }


def _chance(field: Field, validation: tf.data.Dataset) -> float:
    """The share of hidden cells that have the field's most frequent value."""
    kind = "item_mask" if field.feature.describes_item else "behavior_mask"
    cells = [batch["targets"][field.name].numpy()[batch[kind].numpy()] for batch in validation]
    values = np.concatenate([cell.reshape(len(cell), field.width) for cell in cells])
    known = values[(values > 0).any(axis=1)]
    counts = np.bincount(known[known > 0], minlength=1)
    return float(counts.max() / len(known)) if len(known) else float("nan")


def _export(encoder: FGBert, fields: list[Field], results: dict[str, Any], model_dir: str) -> None:
    """Writes a SavedModel whose `serving_default` encodes history indices, the checkpoint, and the results."""
    specs = {
        field.name: tf.TensorSpec([None, None] + [field.width] * field.multivalent, tf.int64, name=field.name)
        for field in fields
    }
    encode = tf.function(lambda **features: {"encoded": encoder(features, training=False).output})
    module = tf.Module(name="fg_bert")
    module.weights = encoder.weights
    tf.saved_model.save(module, model_dir, signatures=encode.get_concrete_function(**specs))
    tf.train.Checkpoint(encoder=encoder).write(os.path.join(model_dir, CHECKPOINT))
    with tf.io.gfile.GFile(os.path.join(model_dir, RESULTS), "w") as file:
        file.write(json.dumps(results, indent=1))
