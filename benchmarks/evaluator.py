"""`make bench-evaluator`: how fast the Evaluator judges candidates, and how its memory grows.

Requests of 10 candidates with up to 50 behaviours, in TFRecord files, through TFMA as TFX's
Evaluator calls it, with a ranker of random weights. Each measurement is a process of its own; the
clock starts after its imports.

- candidates_per_second: of 200,000 candidates, by the wall clock.
- memory_ratio_4x: peak resident memory with 200,000 candidates to that with 50,000.
- metrics_difference: the largest difference of AUC, GAUC, logloss and calibration from NumPy's on
  the same scores.

The last line printed is all of it as one JSON object.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CANDIDATES = 10
BEHAVIOURS = 50
DISTINCT = 1_000  # requests, repeated as often as a size asks for
SIZES = (50_000, 200_000)
TASK = "click"


def prepare(folder: Path) -> None:
    """Exports a ranker, and writes the requests of each size."""
    import tensorflow as tf

    from benchmarks.random_model import ITEMS, export_versions, spec, stage_inputs
    from tests.testing_trainer import raw_records, serialize

    export_versions(stage_inputs(folder / "inputs"), folder / "model")
    raws = [_resized(raw) for raw in raw_records(spec(), DISTINCT, items=ITEMS)]
    records = [serialize(spec(), raw) for raw in raws]
    for size in SIZES:
        (folder / str(size)).mkdir()
        for number in range(size // CANDIDATES // DISTINCT):
            with tf.io.TFRecordWriter(str(folder / str(size) / f"{number:04d}.gz"), "GZIP") as file:
                for record in records:
                    file.write(record)


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


def evaluate(folder: Path, size: int, out: Path) -> None:
    """Evaluates the requests of a size, and writes seconds, memory and metrics to a file."""
    import apache_beam as beam
    import tensorflow_model_analysis as tfma
    from tfx_bsl.tfxio import tensor_adapter, tf_example_record

    from benchmarks.peak_memory import peak_mb
    from benchmarks.random_model import spec
    from pipelines.components.evaluation import custom_extractors, eval_config
    from pipelines.evaluated import figures
    from preprocessing.schema import build_schema

    config = eval_config(list(spec().tasks), ["context_device"], min_auc=None, max_auc_drop=0.0)
    model = tfma.default_eval_shared_model(str(folder / "model" / "1"), eval_config=config)
    source = tf_example_record.TFExampleRecord(
        file_pattern=str(folder / str(size) / "*.gz"),
        schema=build_schema(spec()),
        raw_record_column_name=tfma.constants.ARROW_INPUT_COLUMN,
    )
    adapter = tensor_adapter.TensorAdapterConfig(
        source.ArrowSchema(), source.TensorRepresentations()
    )
    start = time.perf_counter()
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
    seconds = time.perf_counter() - start
    overall = dict(tfma.load_eval_result(str(folder / f"evaluation-{size}")).slicing_metrics)[()]
    found = {"seconds": seconds, "memory_mb": peak_mb(), "cpu_seconds": time.process_time()}
    out.write_text(json.dumps(found | {"metrics": figures(overall[TASK])}))


def expected(folder: Path) -> dict[str, float]:
    """The metrics of the distinct requests, which repeating them doesn't change."""
    import numpy as np
    import tensorflow as tf

    from trainer import metrics

    records = list(
        tf.data.TFRecordDataset(str(folder / str(SIZES[0]) / "0000.gz"), "GZIP").as_numpy_iterator()
    )
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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _run("prepare", name)
        found = {}
        for size in SIZES:
            _run("evaluate", name, str(size), str(folder / "found.json"))
            found[size] = json.loads((folder / "found.json").read_text())
            print(size, found[size], flush=True)
        right = expected(folder)
    small, large = (found[size] for size in SIZES)
    result = {
        "candidates_per_second": round(SIZES[-1] / large["seconds"]),
        "candidates_per_cpu_second": round(SIZES[-1] / large["cpu_seconds"]),
        "memory_ratio_4x": round(large["memory_mb"] / small["memory_mb"], 3),
        "metrics_difference": max(
            abs(large["metrics"][metric] - value) for metric, value in right.items()
        ),
    }
    print(json.dumps(result))


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "benchmarks.evaluator", *arguments], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["prepare"]:
        prepare(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["evaluate"]:
        evaluate(Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
