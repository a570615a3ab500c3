"""How fast the Evaluator judges candidates, and how its memory grows with them.

    make bench-evaluator
    python -m benchmarks.evaluator --candidates 2000000

Requests of 10 candidates with up to 50 behaviours, in TFRecord files, through TFMA as TFX's
Evaluator calls it, with a ranker of random weights. Each measurement is a process of its own; the
clock starts after its imports.

- candidates_per_second: of the most candidates, by the wall clock.
- candidates_per_cpu_second: by the CPU time of all threads, of the candidates that it has more than
  a quarter of them, so that the start doesn't count.
- memory_ratio_4x: peak resident memory with the most candidates to that with a quarter of them.
- metrics_difference: the largest difference of AUC, GAUC, logloss and calibration from NumPy's on
  the same scores.

The last line printed is all of it as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CANDIDATES = 10
BEHAVIOURS = 50
DISTINCT = 1_000  # requests, repeated as often as a size asks for
MOST = 1_000_000  # of fewer, starting takes most of the time
TASK = "click"
_EXPECTED = "expected.json"


def prepare(folder: Path, sizes: Sequence[int]) -> None:
    """Exports a ranker, and writes the requests of each size and their metrics."""
    import tensorflow as tf

    from benchmarks.random_model import ITEMS, export_ranker, spec, stage_inputs
    from tests.testing_trainer import raw_records, serialize

    export_ranker(stage_inputs(folder / "inputs"), folder / "model" / "1")
    raws = [_resized(raw) for raw in raw_records(spec(), DISTINCT, items=ITEMS)]
    records = [serialize(spec(), raw) for raw in raws]
    distinct = folder / "distinct.gz"
    with tf.io.TFRecordWriter(str(distinct), "GZIP") as file:
        for record in records:
            file.write(record)
    for size in sizes:
        (folder / str(size)).mkdir()
        for number in range(size // CANDIDATES // DISTINCT):
            os.link(distinct, folder / str(size) / f"{number:04d}.gz")
    (folder / _EXPECTED).write_text(json.dumps(expected(folder, distinct)))


def _resized(raw: dict[str, Any]) -> dict[str, Any]:
    """A request with as many candidates as all have, and no more behaviours than one may."""
    sized = {}
    for name, value in raw.items():
        if name.startswith("history_"):
            value = value[-BEHAVIOURS:]
        elif name.startswith(("candidate_", "label_")):
            value = (value * CANDIDATES)[:CANDIDATES]
        sized[name] = value
    return sized


def evaluate(folder: Path, size: int) -> None:
    """Evaluates the requests of a size, and writes seconds, memory and metrics to a file."""
    import apache_beam as beam
    import tensorflow_model_analysis as tfma
    from tfx_bsl.tfxio import tensor_adapter, tf_example_record

    from benchmarks.peak_memory import peak_mb
    from benchmarks.random_model import spec
    from pipelines.components.evaluation import custom_extractors, eval_config
    from pipelines.evaluated import figures
    from preprocessing.schema import evaluated_schema

    config = eval_config(list(spec().tasks), ["context_device"], min_auc=None, max_auc_drop=0.0)
    model = tfma.default_eval_shared_model(str(folder / "model" / "1"), eval_config=config)
    source = tf_example_record.TFExampleRecord(
        file_pattern=str(folder / str(size) / "*.gz"),
        schema=evaluated_schema(spec()),
        raw_record_column_name=tfma.constants.ARROW_INPUT_COLUMN,
    )
    adapter = tensor_adapter.TensorAdapterConfig(
        source.ArrowSchema(), source.TensorRepresentations()
    )
    start = time.perf_counter()
    start_cpu = time.process_time()
    with beam.Pipeline("FnApiRunner") as pipeline:
        _ = (
            pipeline
            | source.BeamSource()
            | tfma.ExtractEvaluateAndWriteResults(
                eval_shared_model=model,
                eval_config=config,
                extractors=custom_extractors(model, config, adapter),
                output_path=str(folder / f"evaluation-{size}"),
                tensor_adapter_config=adapter,
            )
        )
    found = {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - start_cpu,
        "memory_mb": peak_mb(),
    }
    overall = dict(tfma.load_eval_result(str(folder / f"evaluation-{size}")).slicing_metrics)[()]
    _found(folder, size).write_text(json.dumps(found | {"metrics": figures(overall[TASK])}))


def expected(folder: Path, file: Path) -> dict[str, float]:
    """The metrics of the distinct requests, which repeating them doesn't change."""
    import numpy as np
    import tensorflow as tf

    from trainer import metrics

    records = list(tf.data.TFRecordDataset(str(file), "GZIP").as_numpy_iterator())
    loaded = tf.saved_model.load(str(folder / "model" / "1"))
    scores = []
    labels = []
    users = []
    for start in range(0, DISTINCT, 100):
        some = records[start : start + 100]
        answer = loaded.signatures["evaluate"](examples=tf.constant(some))
        scores.append(answer[TASK].numpy()[answer["candidate_mask"].numpy()])
        for record in some:
            features = tf.train.Example.FromString(record).features.feature
            labels += features[f"label_{TASK}"].float_list.value
            users += [features["user_id"].bytes_list.value[0]] * CANDIDATES
    rows = np.array(labels), np.concatenate(scores).astype(float)
    return {
        "gauc": metrics.gauc(*rows, np.array(users)),
        "auc": metrics.auc(*rows),
        "logloss": metrics.logloss(*rows),
        "calibration": metrics.calibration(*rows),
    }


def main() -> None:
    """Prepares in one process, and measures each size in another."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--candidates", type=int, default=MOST, help="the most of them")
    parser.add_argument("--step", choices=("prepare", "evaluate"), help="do one step, and no more")
    parser.add_argument("--folder", type=Path, help="what a step reads and writes")
    arguments = parser.parse_args()
    most = arguments.candidates
    if arguments.step is None and most % (4 * CANDIDATES * DISTINCT):
        parser.error(f"--candidates must be a multiple of {4 * CANDIDATES * DISTINCT}")
    if arguments.step == "prepare":
        prepare(arguments.folder, (most // 4, most))
    elif arguments.step == "evaluate":
        evaluate(arguments.folder, most)
    else:
        with tempfile.TemporaryDirectory() as name:
            print(json.dumps(_measured(Path(name), most)))


def _measured(folder: Path, most: int) -> dict[str, Any]:
    """What the last line says."""
    _run("prepare", folder, most)
    small = _evaluated(folder, most // 4)
    large = _evaluated(folder, most)
    right = json.loads((folder / _EXPECTED).read_text())
    differences = [abs(large["metrics"][metric] - value) for metric, value in right.items()]
    return {
        "candidates_per_second": round(most / large["seconds"]),
        "candidates_per_cpu_second": round(
            (most - most // 4) / (large["cpu_seconds"] - small["cpu_seconds"])
        ),
        "memory_ratio_4x": round(large["memory_mb"] / small["memory_mb"], 3),
        "metrics_difference": max(differences),
    }


def _evaluated(folder: Path, size: int) -> dict[str, Any]:
    _run("evaluate", folder, size)
    found: dict[str, Any] = json.loads(_found(folder, size).read_text())
    print(size, found, flush=True)
    return found


def _found(folder: Path, size: int) -> Path:
    """The file of what was measured at a size."""
    return folder / f"{size}.json"


def _run(step: str, folder: Path, candidates: int) -> None:
    options = ("--step", step, "--folder", str(folder), "--candidates", str(candidates))
    subprocess.run([sys.executable, "-m", "benchmarks.evaluator", *options], check=True)


if __name__ == "__main__":
    main()
