"""Checks, before a run starts, that its results can be where its configuration puts them."""

from __future__ import annotations

from pipelines.config import RunConfig
from preprocessing.config import ConfigError
from preprocessing.paths import PATTERN_MARKS, is_local, is_pattern
from preprocessing.stored_folders import missing_package


def check_places(config: RunConfig) -> None:
    """Checks `runs_dir` and `artifacts_dir` of a run on this machine.

    Raises:
        ConfigError: one is where ML Metadata, TensorFlow or TFX can't write.
    """
    if not is_local(config.runs_dir):
        raise ConfigError(
            "runs_dir holds the metadata (a SQLite file), the log and the report of a run, which "
            "have to be on this machine: name a folder here, and give artifacts, rejected rows "
            f"and pushed models another place by artifacts_dir. Received: {config.runs_dir}"
        )
    if not config.paths.is_local:
        _check_store(config)
    elif is_pattern(config.paths.storage):
        raise ConfigError(
            f"{config.paths.storage}, where artifacts go, is a pattern to TFX: it has one of "
            f"{PATTERN_MARKS} in it. Name another folder by runs_dir, such as /data/runs, or work "
            f"in another. Received: {config.runs_dir}"
        )


def _check_store(config: RunConfig) -> None:
    """What TFX writes, TensorFlow writes: its file systems aren't those of Beam."""
    import tensorflow as tf

    storage = config.paths.storage
    problem = missing_package(storage)
    if problem:
        raise ConfigError(problem)
    try:
        tf.io.gfile.exists(storage)
    except tf.errors.UnimplementedError:
        scheme = storage.partition("://")[0]
        raise ConfigError(
            f"artifacts_dir: TensorFlow, which writes artifacts, knows no {scheme}://. Name a "
            "folder here or on gs://; `srp4ctr rollout` puts pushed models on s3://, too. "
            f"Received: {config.artifacts_dir}"
        ) from None
    except tf.errors.OpError as error:
        raise ConfigError(f"artifacts_dir: {storage} can't be reached: {error.message}") from None
