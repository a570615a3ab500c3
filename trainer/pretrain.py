"""Pre-trains FG-BERT and exports it.

Beside the SavedModel's assets lies a checkpoint of the encoder and its heads.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from preprocessing.errors import DataError
from trainer.compilation import compiles
from trainer.distribution.plain import copy_weights
from trainer.distribution.roles import run_stage
from trainer.fields import Field
from trainer.fitting import Stage, fit
from trainer.inputs import StageInputs
from trainer.made_by import write_made_by
from trainer.models.fg_bert import FGBert
from trainer.optimizer import build_optimizer
from trainer.pretraining.batches import MaskedBatches
from trainer.pretraining.objective import Objective
from trainer.registry import create_objective
from trainer.warm_start import earlier_ranker, write_ranker

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs

CHECKPOINT = "assets.extra/encoder/checkpoint"
RESULTS = "assets.extra/pretrain.json"


def run_fn(fn_args: FnArgs) -> None:
    """TFX Trainer's entry point.

    `fn_args.base_model` is the ranker to start from, where there is one.
    """
    inputs = dataclasses.replace(StageInputs.from_fn_args(fn_args), start_from=fn_args.base_model)
    pretrain(inputs, fn_args.serving_model_dir)


def pretrain(inputs: StageInputs, model_dir: str) -> dict[str, Any]:
    """Trains on users' histories; the chief writes what comes of it.

    That is a SavedModel, the encoder's checkpoint and results.

    Returns:
        {"attributes": {name: {"loss", "accuracy", "chance_accuracy", "hidden"}}, "curves": {log
        name: [one value per epoch]}, "started_from"}, measured on held-out users; objectives that
        predict no attributes have none. `chance_accuracy` is that of always giving the attribute's
        most frequent value, `hidden` how many hidden values both were measured on.

    Raises:
        ConfigError: the ranker to start from doesn't fit.
        DataError: there are no windows to train on, or none of held-out users.
    """
    written = os.path.join(model_dir, RESULTS)
    backup_dir = inputs.stage_directory("pretrain", inputs.start_from)

    def train(strategy: tf.distribute.Strategy) -> tuple[Objective, dict[str, Any]]:
        keras.utils.set_random_seed(inputs.config.seed)
        return fit(
            pretraining_stage(inputs), inputs.config, strategy, backup_dir, inputs.tensorboard_dir
        )

    def export(trained: tuple[Objective, dict[str, Any]]) -> None:
        _export(inputs, *trained, model_dir)

    run_stage(inputs.config.distribution, written, train, export, backup_dir)
    with tf.io.gfile.GFile(written) as file:
        results: dict[str, Any] = json.loads(file.read())
    return results


def pretraining_stage(inputs: StageInputs) -> Stage:
    """What pre-training fits to what.

    Raises:
        DataError: there are no windows to train on, or none of held-out users.
    """
    config = inputs.config.pretrain
    batches = MaskedBatches(inputs)
    earlier = earlier_ranker(inputs).encoder if inputs.start_from else None
    epochs = config.epochs
    if earlier is not None and config.warm_epochs is not None:
        epochs = config.warm_epochs
    why = "no user has two or more behaviours before the training cut-off"
    steps = _steps(inputs, inputs.train, "pretrain", why)
    why = "one user in twenty is held out, and the log has too few users"
    validation_steps = _steps(inputs, inputs.validation, "pretrain_validation", why)
    return Stage(
        build=lambda: _model(inputs, batches.once(inputs.validation), steps * epochs, earlier),
        train=lambda part, start: batches.endless(part, steps, start),
        validation=lambda part: batches.once(inputs.validation, part).cache(),
        steps=steps,
        validation_steps=validation_steps,
        epochs=epochs,
        what="pre-training epoch",
        watched=("loss", "val_loss"),
    )


def _model(
    inputs: StageInputs, batches: tf.data.Dataset, steps: int, earlier: FGBert | None
) -> Objective:
    """The compiled objective, for a fit of `steps`; its encoder starts from `earlier`, if any."""
    config = inputs.config.pretrain
    encoder = FGBert(inputs.fields(), inputs.config.encoder, name="encoder")
    model = create_objective(encoder, config, inputs.records().catalog(inputs.catalog))
    model(next(iter(batches)))
    if earlier is not None:
        copy_weights(earlier, encoder)
    model.compile(build_optimizer(config.optimizer, steps), jit_compile=compiles(inputs.config))
    return model


def load_encoder(encoder: FGBert, model_dir: str) -> None:
    """Restores a built encoder from a pre-training export; every weight must be found.

    Raises:
        AssertionError: the checkpoint lacks a weight of `encoder`, or has one of another shape
            (ValueError).
    """
    path = os.path.join(model_dir, CHECKPOINT)
    status = tf.train.Checkpoint(encoder=encoder).read(path)
    # expect_partial: the heads stay unread, which TensorFlow would warn of.
    status.assert_existing_objects_matched().expect_partial()


def _steps(inputs: StageInputs, files: Sequence[str], split: str, reason: str) -> int:
    steps = math.ceil(inputs.records().count(files) / inputs.config.pretrain.batch_size)
    if not steps:
        raise DataError(f"split {split} is empty: {reason}.")
    return steps


def _summary(
    scores: dict[str, float], fields: list[Field], validation: tf.data.Dataset
) -> dict[str, Any]:
    """For each field that the objective predicts, how well it does."""
    summary = {}
    for field in fields:
        if f"{field.field}_accuracy" in scores:
            chance, hidden = _chance(field, validation)
            summary[field.field] = {
                "loss": scores[f"{field.field}_loss"],
                "accuracy": scores[f"{field.field}_accuracy"],
                "chance_accuracy": chance,
                "hidden": hidden,
            }
    return summary


def _chance(field: Field, validation: tf.data.Dataset) -> tuple[float, int]:
    """The share of hidden cells that have the field's most frequent value, and how many there are.

    Cells without a known value don't count.
    """
    hidden = []
    for batch in validation:
        cells = batch["targets"][field.name].numpy()[batch[field.mask].numpy()]
        hidden.append(cells.reshape(len(cells), field.width))
    values = np.concatenate(hidden)
    known = values[(values > 0).any(axis=1)]
    counts = np.bincount(known[known > 0], minlength=1)
    chance = float(counts.max() / len(known)) if len(known) else float("nan")
    return chance, len(known)


def _export(inputs: StageInputs, model: Objective, curves: dict[str, Any], model_dir: str) -> None:
    """Writes the SavedModel, the checkpoint, and the results.

    The SavedModel's `serving_default` encodes history indices.
    """
    encoder = model.encoder
    validation = MaskedBatches(inputs).once(inputs.validation).cache()
    fields = encoder.fields.of("history")
    scores = model.evaluate(validation, verbose=0, return_dict=True)
    specs = {}
    for field in fields:
        cell = [field.width] if field.multivalent else []
        specs[field.name] = tf.TensorSpec([None, None, *cell], tf.int64, name=field.name)

    def encode(**features: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"encoded": encoder(features, training=False).output}

    signature = tf.function(encode, autograph=False).get_concrete_function(**specs)
    module = tf.Module(name="fg_bert")
    module.weights = encoder.weights  # not the model itself, which Keras would save a second time
    tf.saved_model.save(module, model_dir, signatures=signature)
    checkpoint = tf.train.Checkpoint(encoder=encoder, heads=model.heads)
    checkpoint.write(os.path.join(model_dir, CHECKPOINT))
    if inputs.start_from:
        write_ranker(earlier_ranker(inputs), model_dir)
    write_made_by(inputs, inputs.start_from, model_dir)
    attributes = _summary(scores, fields, validation)
    results = {"attributes": attributes, "curves": curves, "started_from": inputs.start_from}
    with tf.io.gfile.GFile(os.path.join(model_dir, RESULTS), "w") as file:
        file.write(json.dumps(results, indent=1))
