"""Fine-tunes a ranker, from a pre-trained encoder where it has one, and exports it with split signatures."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.data import with_labels
from trainer.export import export
from trainer.inputs import StageInputs
from trainer.models.ranker import Ranker
from trainer.models.registry import create_ranker
from trainer.optimizer import build_optimizer
from trainer.pretrain import load_encoder
from trainer.progress import EpochProgress

RESULTS = "assets.extra/finetune.json"


def run_fn(fn_args: Any) -> None:
    """TFX Trainer's entry point; `fn_args.base_model` is the pre-training export."""
    inputs = StageInputs.from_fn_args(fn_args)
    ranker, results = finetune(inputs, fn_args.base_model)
    export(ranker, inputs, fn_args.serving_model_dir)
    with tf.io.gfile.GFile(os.path.join(fn_args.serving_model_dir, RESULTS), "w") as file:
        file.write(json.dumps(results, indent=1))


def finetune(inputs: StageInputs, encoder_dir: str | None) -> tuple[Ranker, dict[str, Any]]:
    """Trains until the validation AUC stops rising and restores the best weights.

    Args:
        inputs: Files and configuration.
        encoder_dir: A pre-training export; None starts from an untrained encoder.

    Returns:
        The ranker, and {"curves": {log name: [a value an evaluation]}, "evaluations_per_epoch"}.
    """
    config = inputs.config.finetune
    keras.utils.set_random_seed(inputs.config.seed)
    train, validation = _batches(inputs, inputs.train, shuffle=True), _batches(inputs, inputs.validation, shuffle=False)
    ranker = build_ranker(inputs, train, encoder_dir)
    steps = math.ceil(sum(1 for _ in train) / config.evaluations_per_epoch)
    evaluations = config.epochs * config.evaluations_per_epoch
    aucs = {task: [keras.metrics.AUC(2000, name="auc", from_logits=True)] for task in inputs.spec.tasks}
    ranker.compile(build_optimizer(config.optimizer, steps * evaluations), weighted_metrics=aucs)
    history = ranker.fit(
        train.repeat(),
        epochs=evaluations,
        steps_per_epoch=steps,
        validation_data=validation.cache(),
        verbose=0,
        callbacks=_callbacks(config.patience),
    )
    return ranker, {"curves": history.history, "evaluations_per_epoch": config.evaluations_per_epoch}


def build_ranker(inputs: StageInputs, batches: tf.data.Dataset, encoder_dir: str | None) -> Ranker:
    """A ranker with its weights made, and its encoder, where it has one, started from the pre-training export."""
    ranker = create_ranker(inputs.fields(), inputs.config)
    features, _, _ = next(iter(batches))
    ranker(features)
    if ranker.encoder is not None and encoder_dir:
        load_encoder(ranker.encoder, encoder_dir)
        ranker.start_from_encoder()
    return ranker


def _batches(inputs: StageInputs, files: Sequence[str], shuffle: bool) -> tf.data.Dataset:
    records, fields = inputs.records(), inputs.fields()
    catalog = records.catalog(inputs.catalog)
    batches = records.candidate_batches(
        files, inputs.config.finetune.batch_size, inputs.config.seed if shuffle else None
    )
    prepared = batches.map(lambda batch: with_labels(catalog.fill(batch), fields), num_parallel_calls=tf.data.AUTOTUNE)
    return prepared.prefetch(tf.data.AUTOTUNE)


def _callbacks(patience: int) -> list[keras.callbacks.Callback]:
    return [
        _MeanValidationAuc(),
        EpochProgress("fine-tuning evaluation", ("loss", "val_mean_auc")),
        keras.callbacks.EarlyStopping("val_mean_auc", mode="max", patience=patience, restore_best_weights=True),
    ]


class _MeanValidationAuc(keras.callbacks.Callback):
    """Adds `val_mean_auc`, the mean over tasks, which early stopping watches."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs is not None:
            values = [value for name, value in logs.items() if name.startswith("val_") and name.endswith("auc")]
            logs["val_mean_auc"] = sum(values) / len(values)
