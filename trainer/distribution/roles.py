"""What each process of a cluster does while a stage is trained."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf

from trainer.config import DistributionConfig
from trainer.distribution.cluster import Cluster, create_strategy, serve

Trained = TypeVar("Trained")
_SECONDS_BETWEEN_LOOKS = 1.0


def run_stage(
    config: DistributionConfig,
    finished: str,
    train: Callable[[tf.distribute.Strategy], Trained],
    export: Callable[[Trained], None],
    backup_dir: str | None,
) -> None:
    """Trains, exports if this is the chief, and returns in every process once the export is whole.

    Args:
        config: The strategy.
        finished: The file that `export` writes last. Where it is there already, nothing is done.
        train: Trains by the strategy it is given.
        export: Writes what was trained.
        backup_dir: Removed after the export.
    """
    if tf.io.gfile.exists(finished):
        print(f"  already trained: {finished} exists")
        return
    cluster = Cluster.from_environment()
    if cluster.serves:
        serve(cluster)
        _wait_for(finished)
        return
    trained = train(create_strategy(config, cluster))
    if not cluster.is_chief:
        _wait_for(finished)
        return
    export(trained)
    if backup_dir and tf.io.gfile.exists(backup_dir):
        tf.io.gfile.rmtree(backup_dir)


def _wait_for(path: str) -> None:
    """Returns once the chief has written a file."""
    while not tf.io.gfile.exists(path):
        time.sleep(_SECONDS_BETWEEN_LOOKS)
