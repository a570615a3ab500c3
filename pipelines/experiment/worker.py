"""Trains one cell on one thread, in a process of its own: python -m pipelines.experiment.worker JOB.json."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipelines.experiment.cells import ENCODER, PREDICTIONS, RESULT
from pipelines.experiment.predictions import predict
from preprocessing.config import SAVED
from preprocessing.spec import DatasetSpec
from trainer.config import TrainerConfig
from trainer.finetune import finetune
from trainer.inputs import StageInputs
from trainer.pretrain import pretrain


def main(job_path: str) -> None:
    """Runs a job and writes its result last."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    job = json.loads(Path(job_path).read_text())
    folder, started = Path(job["folder"]), time.monotonic()
    result = _pretrain(job, folder) if job["stage"] == "pretrain" else _rank(job, folder)
    result |= {"seconds": time.monotonic() - started, "cpu_seconds": time.process_time(), "trainer": job["trainer"]}
    partial = folder / f"{RESULT}.partial"
    partial.write_text(json.dumps(result, indent=1))
    os.replace(partial, folder / RESULT)


def _leave_with_parent() -> None:
    """Ends this process once the experiment that started it is gone: nobody else may write this cell's folder."""
    os.read(sys.stdin.fileno(), 1)  # unbuffered: a buffer's lock, held here, would fail the interpreter's shutdown
    os._exit(1)


def _pretrain(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    return pretrain(_inputs(job, "pretrain", "pretrain_validation"), str(folder / ENCODER))


def _rank(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    inputs = _inputs(job, "train", "validation")
    ranker, result = finetune(inputs, job["encoder"])
    result["validation_auc"] = max(result["curves"]["val_mean_auc"])
    np.savez_compressed(folder / PREDICTIONS, **predict(ranker, inputs, job["raw"]))
    return result


def _inputs(job: dict[str, Any], train: str, validation: str) -> StageInputs:
    def files(split: str) -> list[str]:
        return [f"{job['transformed']}/Split-{split}/*"]

    return StageInputs(
        train=files(train),
        validation=files(validation),
        catalog=files("catalog"),
        transform_dir=job["graph"],
        spec=DatasetSpec.from_json(job["spec"]),
        config=TrainerConfig.model_validate(job["trainer"], context=SAVED),
    )


if __name__ == "__main__":
    main(sys.argv[1])
