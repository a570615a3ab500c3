"""What made an export, beside it: another configuration must not take it for its own."""

from __future__ import annotations

import json
import os
from typing import Any

import tensorflow as tf

from preprocessing.config import ConfigError, differences, validated
from preprocessing.spec import DatasetSpec
from trainer.config import TrainerConfig
from trainer.inputs import StageInputs

_FILE = "assets.extra/made_by.json"
_SHOWN = 5  # differences


def write_made_by(inputs: StageInputs, started_from: str | None, model_dir: str) -> None:
    """Leaves what made an export beside it; to be called before the file that says it is whole."""
    with tf.io.gfile.GFile(os.path.join(model_dir, _FILE), "w") as file:
        file.write(json.dumps(_made_by(inputs, started_from), indent=1))


def check_made_by(inputs: StageInputs, started_from: str | None, model_dir: str) -> None:
    """Checks that an export, where there is one already, was made as one would be now.

    One of an earlier version, which doesn't say, counts as if it was.

    Raises:
        ConfigError: it was made of other data, or by another configuration.
    """
    path = os.path.join(model_dir, _FILE)
    if not tf.io.gfile.exists(path):
        return
    with tf.io.gfile.GFile(path) as file:
        before = json.load(file)
    # An earlier version wrote fewer options; as read today, it has them all.
    for key, model in (("dataset", DatasetSpec), ("trainer", TrainerConfig)):
        before[key] = validated(before[key], model, path, saved=True).model_dump(mode="json")
    found = differences(before, _made_by(inputs, started_from))
    if found:
        more = ", ..." if len(found) > _SHOWN else ""
        raise ConfigError(
            f"{model_dir}: there is a model already, which was made with another "
            f"{', '.join(list(found)[:_SHOWN])}{more}. Give another --model-dir, or remove this one"
        )


def _made_by(inputs: StageInputs, started_from: str | None) -> dict[str, Any]:
    return {
        "dataset": inputs.spec.model_dump(mode="json"),
        "trainer": inputs.config.model_dump(mode="json"),
        "train_data": list(inputs.train),
        "validation_data": list(inputs.validation),
        "transform": inputs.transform_dir,
        "start": started_from,
    }
