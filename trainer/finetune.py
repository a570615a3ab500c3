"""Fine-tunes a ranker and exports it; its encoder, where it has one, starts pre-trained."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf
import tf_keras as keras

from trainer.compilation import compiles
from trainer.distribution.roles import run_stage
from trainer.export.saved_model import export
from trainer.fitting import Stage, fit
from trainer.inputs import StageInputs
from trainer.made_by import write_made_by
from trainer.models.ranker import Ranker
from trainer.optimizer import build_optimizer
from trainer.pretrain import load_encoder
from trainer.ranking_batches import RankingBatches
from trainer.registry import create_ranker
from trainer.warm_start import load_ranker

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs

RESULTS = "assets.extra/finetune.json"


def run_fn(fn_args: FnArgs) -> None:
    """TFX Trainer's entry point; `fn_args.base_model` is the pre-training export."""
    train_ranker(StageInputs.from_fn_args(fn_args), fn_args.base_model, fn_args.serving_model_dir)


def train_ranker(inputs: StageInputs, encoder_dir: str | None, model_dir: str) -> None:
    """Fine-tunes; the chief exports the ranker, and writes the results beside it.

    Args:
        inputs: Files and configuration.
        encoder_dir: A pre-training export; None starts from an untrained encoder.
        model_dir: Where the SavedModel goes.
    """
    finished = os.path.join(model_dir, RESULTS)
    backup_dir = inputs.stage_directory("finetune", encoder_dir)

    def train(strategy: tf.distribute.Strategy) -> tuple[Ranker, dict[str, Any]]:
        return finetune(inputs, encoder_dir, strategy, backup_dir)

    def write(trained: tuple[Ranker, dict[str, Any]]) -> None:
        ranker, results = trained
        export(ranker, inputs, model_dir)
        write_made_by(inputs, encoder_dir, model_dir)
        with tf.io.gfile.GFile(finished, "w") as file:
            file.write(json.dumps(results, indent=1))

    run_stage(inputs.config.distribution, finished, train, write, backup_dir)


def finetune(
    inputs: StageInputs,
    encoder_dir: str | None,
    strategy: tf.distribute.Strategy | None = None,
    backup_dir: str | None = None,
) -> tuple[Ranker, dict[str, Any]]:
    """Trains until the validation AUC stops rising and restores the best weights.

    Args:
        inputs: Files and configuration.
        encoder_dir: A pre-training export; None starts from an untrained encoder.
        strategy: How training is distributed; None is one device.
        backup_dir: Where backups go and are looked for.

    Returns:
        The ranker, and {"curves": {log name: [one value per evaluation]},
        "evaluations_per_epoch"}.
    """
    keras.utils.set_random_seed(inputs.config.seed)
    stage = ranking_stage(inputs, encoder_dir)
    ranker, curves = fit(stage, inputs.config, strategy, backup_dir, inputs.tensorboard_dir)
    return ranker, {
        "curves": curves,
        "evaluations_per_epoch": inputs.config.finetune.evaluations_per_epoch,
    }


def ranking_stage(inputs: StageInputs, encoder_dir: str | None) -> Stage:
    """What fine-tuning fits to what, starting from a pre-training export where one is given."""
    config = inputs.config.finetune
    batches = RankingBatches(inputs)
    pass_steps = batches.count(inputs.train)
    evaluations = config.epochs * config.evaluations_per_epoch
    # What Keras calls an epoch is the part of a pass up to an evaluation.
    steps = math.ceil(pass_steps / config.evaluations_per_epoch)

    def build() -> Ranker:
        ranker = build_ranker(inputs, batches.once(inputs.train), encoder_dir)
        aucs = {}
        for task in inputs.spec.tasks:
            # 2,000 thresholds, by which evaluations differ that would be alike with Keras's 200.
            aucs[task] = [keras.metrics.AUC(2000, name="auc", from_logits=True)]
        optimizer = build_optimizer(config.optimizer, steps * evaluations)
        ranker.compile(optimizer, weighted_metrics=aucs, jit_compile=compiles(inputs.config))
        return ranker

    return Stage(
        build=build,
        train=lambda part, start: batches.endless(part, pass_steps, start),
        validation=lambda part: batches.once(inputs.validation, part).cache(),
        steps=steps,
        validation_steps=batches.count(inputs.validation),
        epochs=evaluations,
        what="fine-tuning evaluation",
        watched=("loss", "val_mean_auc"),
        callbacks=(_MeanValidationAuc(tuple(inputs.spec.tasks)),),
        patience=config.patience,
    )


def build_ranker(inputs: StageInputs, batches: tf.data.Dataset, encoder_dir: str | None) -> Ranker:
    """A ranker with its weights made, started from a pre-training export.

    Its encoder, where it has one, gets the pre-trained weights. The rest starts from an earlier
    ranker where pre-training did.

    Args:
        inputs: Files and configuration.
        batches: Of which the first shows the shapes of features.
        encoder_dir: The pre-training export; None starts from nothing.
    """
    ranker = create_ranker(inputs.fields(), inputs.config)
    features, _, _ = next(iter(batches))
    ranker(features)
    if not encoder_dir:
        return ranker
    is_warm = load_ranker(ranker, encoder_dir)
    if ranker.encoder is not None:
        load_encoder(ranker.encoder, encoder_dir)
        if not is_warm:
            ranker.start_from_encoder()
    return ranker


class _MeanValidationAuc(keras.callbacks.Callback):
    """Adds `val_mean_auc`, the mean over tasks, which early stopping watches."""

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self._tasks = tasks

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs is None:
            return
        values = []
        for task in self._tasks:
            name = f"val_{task}_auc"
            # Keras leaves out the name of an output that is the only one.
            values.append(logs[name] if name in logs else logs["val_auc"])
        logs["val_mean_auc"] = sum(values) / len(values)
