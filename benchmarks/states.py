"""How large user states are, and what storing them smaller or using them later costs.

    make bench-states

Takes the ranker of a finished run (`srp4ctr run CONFIG`) and every request of its test split, with
the same weights for each precision:

- bytes: mean bytes of a user's state, and those of a user with a full history.
- difference: how far probabilities lie from those of float32 states, mean and largest.
- auc: of all test candidates, per task.
- stale: the same for float32 states that were made so many seconds before the request, of the same
  history; a gap to a behaviour that was later still counts as none.

The last line printed is all of it as one JSON object.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipelines.config import RunConfig, load_run_config
from pipelines.metadata import RunMetadata
from pipelines.trained import model_dir, stage_inputs
from preprocessing.artifact_files import split_files
from preprocessing.features import candidate_inputs, label_name, user_inputs
from trainer.export.assembly import serving_module
from trainer.export.serving_module import ServingModule, dtype_of
from trainer.export.state_numbers import DTYPES
from trainer.inputs import StageInputs
from trainer.metrics import auc
from trainer.models.ranker import Ranker
from trainer.restore import restore_ranker

BATCH = 64
STALE_SECONDS = (60, 600, 3600, 86_400)
Batch = dict[str, tf.Tensor]
Scores = dict[str, np.ndarray]


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path)
    config = load_run_config(parser.parse_args().config)
    metadata = RunMetadata(config.paths.metadata, config.dataset.name)
    inputs = stage_inputs(config, metadata)
    ranker = restore_ranker(inputs, model_dir(metadata, "Trainer.ranker"))
    batches = list(_test_requests(config, metadata))
    modules = {dtype: _with_dtype(ranker, inputs, dtype) for dtype in DTYPES}
    exact, _ = _score(modules["float32"], batches)
    print("| states | bytes, mean | full history | mean difference | largest | AUC |")
    print("|" + " --- |" * 6)
    states = {}
    for dtype, module in modules.items():
        scores, blobs = _score(module, batches)
        states[dtype] = _row(dtype, scores, blobs, exact)
    stale = {}
    for seconds in STALE_SECONDS:
        scores, blobs = _score(modules["float32"], batches, seconds)
        stale[seconds] = _row(f"{seconds} s old", scores, blobs, exact)
    requests = sum(len(batch["user_id"]) for batch in batches)
    print(json.dumps({"requests": requests, "states": states, "stale": stale}))


def _with_dtype(ranker: Ranker, inputs: StageInputs, dtype: str) -> ServingModule:
    exported = inputs.config.export.model_copy(update={"state_dtype": dtype})
    config = inputs.config.model_copy(update={"export": exported})
    return serving_module(ranker, dataclasses.replace(inputs, config=config))


def _test_requests(config: RunConfig, metadata: RunMetadata) -> Iterator[Batch]:
    """Dense batches of the test split's raw records, with labels."""
    inputs = [*user_inputs(config.spec), *candidate_inputs(config.spec)]
    wanted: dict[str, Any] = {}
    for feature in inputs:
        dtype = dtype_of(feature)
        is_list = feature.is_list
        wanted[feature.name] = (
            tf.io.RaggedFeature(dtype) if is_list else tf.io.FixedLenFeature([], dtype)
        )
    for task in config.spec.tasks:
        wanted[label_name(task)] = tf.io.RaggedFeature(tf.float32)
    examples_dir = metadata.output("BehaviorLogExampleGen", "examples")
    files = tf.io.gfile.glob(split_files(examples_dir, "test"))
    for examples in tf.data.TFRecordDataset(sorted(files), compression_type="GZIP").batch(BATCH):
        parsed = tf.io.parse_example(examples, wanted)
        batch: Batch = {}
        for name, values in parsed.items():
            is_ragged = isinstance(values, tf.RaggedTensor)
            batch[name] = values.to_tensor() if is_ragged else values
        yield batch


def _score(
    module: ServingModule, batches: Iterable[Batch], seconds_before: int = 0
) -> tuple[Scores, list[bytes]]:
    """Probabilities and labels of all candidates, by name, and every request's state."""
    of_users = [feature.name for feature in user_inputs(module.spec)]
    of_items = [feature.name for feature in candidate_inputs(module.spec)]
    encode = tf.function(module.encode_user, reduce_retracing=True)
    score = tf.function(module.score_items, reduce_retracing=True)
    found: dict[str, list[np.ndarray]] = collections.defaultdict(list)
    blobs: list[bytes] = []
    for batch in batches:
        user = {name: batch[name] for name in of_users}
        items = {name: batch[name] for name in of_items}
        user["timestamp"] -= seconds_before
        states = encode(**user)["user_state_bytes"]
        blobs += states.numpy().tolist()
        scores = score(states, **items)
        real = batch["candidate_item_id"].numpy() != b""
        for task in module.spec.tasks:
            label = label_name(task)
            found[task].append(scores[task].numpy()[real])
            found[label].append(batch[label].numpy()[real])
    whole = {name: np.concatenate(parts) for name, parts in found.items()}
    return whole, blobs


def _row(name: str, scores: Scores, blobs: list[bytes], exact: Scores) -> dict[str, Any]:
    """Prints a row of the table and returns it."""
    differences: list[np.ndarray] = []
    auc_of_task: dict[str, float] = {}
    for task in scores:
        label = label_name(task)
        if label in scores:  # or it is a label itself
            differences.append(np.abs(scores[task] - exact[task]))
            auc_of_task[task] = auc(scores[label], scores[task])
    difference = np.concatenate(differences)
    sizes = np.array([len(blob) for blob in blobs])
    row: dict[str, Any] = {
        "mean_bytes": float(sizes.mean()),
        "largest_bytes": int(sizes.max()),
        "mean_difference": float(difference.mean()),
        "largest_difference": float(difference.max()),
        "auc": auc_of_task,
    }
    aucs = ", ".join(f"{task} {value:.5f}" for task, value in row["auc"].items())
    print(
        f"| {name} | {row['mean_bytes']:.0f} | {row['largest_bytes']} | "
        f"{row['mean_difference']:.6f} | {row['largest_difference']:.6f} | {aucs} |",
        flush=True,
    )
    return row


if __name__ == "__main__":
    main()
