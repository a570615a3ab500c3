"""Writes a ranker as a SavedModel with split signatures, its warm-up requests, and what made it."""

from __future__ import annotations

import dataclasses
import json
import os

import tensorflow as tf

from serving import contract
from trainer.export.assembly import serving_module
from trainer.export.manifest import write_manifest
from trainer.export.signatures import build_signatures
from trainer.export.warmup import write_warmup
from trainer.inputs import StageInputs
from trainer.models.ranker import Ranker


def export(ranker: Ranker, inputs: StageInputs, model_dir: str) -> None:
    """Writes the SavedModel of serving/contract.py, and `evaluate` for the Evaluator.

    Args:
        ranker: The trained ranker.
        inputs: What it was trained on.
        model_dir: Where the SavedModel goes.
    """
    module = serving_module(ranker, inputs)
    signatures = build_signatures(module)
    tf.saved_model.save(module, model_dir, signatures=signatures)
    write_warmup(module, signatures, model_dir)
    made_by = {
        "spec": inputs.spec.model_dump(mode="json"),
        "trainer": inputs.config.model_dump(mode="json"),
    }
    description = dataclasses.asdict(module.description)
    with tf.io.gfile.GFile(os.path.join(model_dir, contract.CONFIG_FILE), "w") as file:
        file.write(json.dumps(made_by | {"description": description}, indent=1))
    if module.statistics is not None and module.statistics.as_of is not None:
        path = os.path.join(model_dir, contract.STATISTICS_AS_OF_FILE)
        with tf.io.gfile.GFile(path, "w") as file:
            file.write(module.statistics.as_of.to_json())
    write_manifest(model_dir)  # the last file: it lists the others
