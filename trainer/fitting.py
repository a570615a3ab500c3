"""Fits a stage's model by the configured strategy and precision, from its last backup on."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.compilation import check_compiles
from trainer.config import TrainerConfig
from trainer.distribution.backup import Backup
from trainer.distribution.cluster import Cluster
from trainer.distribution.curves import Curves, StopAtBest
from trainer.distribution.feeding import WHOLE, Part, feed, is_parameter_server
from trainer.distribution.plain import EvaluatePlain, copy_weights
from trainer.freed_memory import keep_freed_memory
from trainer.progress import EpochProgress

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


@dataclasses.dataclass(frozen=True)
class Stage:
    """What is fitted, to what, for how long.

    An epoch ends with an evaluation; it needn't be a pass over the data.

    Attributes:
        build: Makes the compiled model, its weights made.
        train: Endless batches of what a process reads, from some step on.
        validation: The batches to evaluate with.
        steps: Batches per epoch.
        validation_steps: Batches per evaluation.
        epochs: The most epochs.
        what: What an epoch is called while it runs.
        watched: The values to show.
        callbacks: What else happens at an epoch's end, before its logs are kept.
        patience: Epochs without a rise of the last of `watched` after which the fit stops, and goes
            back to the best weights; None keeps the last ones.
    """

    build: Callable[[], keras.Model]
    train: Callable[[Part, int], tf.data.Dataset]
    validation: Callable[[Part], tf.data.Dataset]
    steps: int
    validation_steps: int
    epochs: int
    what: str
    watched: tuple[str, ...]
    callbacks: tuple[keras.callbacks.Callback, ...] = ()
    patience: int | None = None


def fit(
    stage: Stage,
    config: TrainerConfig,
    strategy: tf.distribute.Strategy | None = None,
    backup_dir: str | None = None,
    tensorboard_dir: str | None = None,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Fits until the end, or until the best.

    Args:
        stage: What is fitted.
        config: Precision, compilation and backups.
        strategy: The strategy of this process; None is one device.
        backup_dir: Where backups go, and are looked for; None makes none.
        tensorboard_dir: Where TensorBoard's logs go; None writes none.

    Returns:
        A float32 model outside of any strategy, and the curves, {log name: [one value per
        epoch]}.
    """
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope():
        model = make_model(stage, config)
    if model.jit_compile and strategy.num_replicas_in_sync == 1:
        check_compiles(model, stage.train(WHOLE, 0), stage.what)
    # What is exported is float32 on one device: the very model, or a copy that gets its weights.
    is_plain = config.precision == "float32" and strategy is tf.distribute.get_strategy()
    plain = model if is_plain else stage.build()
    with contextlib.ExitStack() as stack:
        directory = backup_dir or stack.enter_context(tempfile.TemporaryDirectory())
        backup = Backup(directory, _backup_steps(stage, config, strategy), stage.steps)
        done = backup.done_steps()
        curves = _curves(stage, backup, done // stage.steps)
        if curves.has_stopped:
            # It was killed after its last epoch: there is nothing left but the best weights.
            stage = dataclasses.replace(stage, epochs=done // stage.steps)
        callbacks = list(stage.callbacks)
        if Cluster.from_environment().is_chief:
            callbacks += _shown(stage, config, tensorboard_dir)
        callbacks.append(curves)
        if backup_dir:
            callbacks.append(backup.callback())  # last: it backs up what the others have done
        _fit(stage, model, plain, config, done, callbacks)
    if plain is not model:
        copy_weights(model, plain)
    return plain, curves.by_name()


def make_model(stage: Stage, config: TrainerConfig) -> keras.Model:
    """The stage's model, computing by the configured precision.

    From then on the process keeps the memory that steps free, see trainer/freed_memory.py.
    """
    keep_freed_memory()
    with _precision(config):
        model = stage.build()
    model.optimizer.build(model.trainable_variables)  # a step that makes variables is traced twice
    return model


def _fit(
    stage: Stage,
    model: keras.Model,
    plain: keras.Model,
    config: TrainerConfig,
    done: int,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    strategy = model.distribute_strategy
    share_files = config.distribution.share_files
    data: dict[str, Any] = {"x": feed(strategy, lambda part: stage.train(part, done), share_files)}
    if is_parameter_server(strategy):
        callbacks = [EvaluatePlain(plain, stage.validation(WHOLE)), *callbacks]
    else:
        data |= {
            "validation_data": feed(strategy, stage.validation),
            "validation_steps": stage.validation_steps,
        }
    model.fit(
        **data, epochs=stage.epochs, steps_per_epoch=stage.steps, verbose=0, callbacks=callbacks
    )


def _backup_steps(stage: Stage, config: TrainerConfig, strategy: tf.distribute.Strategy) -> int:
    """Steps between two backups."""
    if is_parameter_server(strategy):
        return stage.steps
    if stage.patience is None:
        return config.backup_steps
    # At least once per epoch: the best weights must be those of an epoch that is backed up.
    return min(config.backup_steps, stage.steps)


def _curves(stage: Stage, backup: Backup, done: int) -> Curves:
    writes = Cluster.from_environment().is_chief
    if stage.patience is None:
        return Curves(backup, done, writes)
    return StopAtBest(backup, done, writes, stage.watched[-1], stage.patience)


def _shown(
    stage: Stage, config: TrainerConfig, directory: str | None
) -> list[keras.callbacks.Callback]:
    progress = EpochProgress(stage.what, stage.watched)
    if directory is None:
        return [progress]
    profiled = (10, 9 + config.profile_steps) if config.profile_steps else 0
    return [progress, keras.callbacks.TensorBoard(directory, profile_batch=profiled)]


@contextlib.contextmanager
def _precision(config: TrainerConfig) -> Iterator[None]:
    """Layers that are made in this block compute by the configured precision."""
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(_POLICIES[config.precision])
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)
