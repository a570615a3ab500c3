"""Trains one cell on one thread, in a process of its own.

It is started by `python -m pipelines.experiment.worker JOB.json`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipelines.counts.evaluate import TreesOfTasks
from pipelines.experiment.cells import ENCODER, PREDICTIONS, RESULT, stack_of
from pipelines.experiment.found import CellResult, PretrainResult, RankResult
from pipelines.experiment.job import Job, StageName
from pipelines.experiment.predictions import Evaluate, predict
from pipelines.garbage import look_for_garbage_less_often
from pipelines.revision import code_revision
from preprocessing.config import SAVED
from preprocessing.spec import DatasetSpec
from preprocessing.whole_files import write_whole
from trainer.config import TrainerConfig
from trainer.export.assembly import serving_module
from trainer.finetune import finetune
from trainer.inputs import StageInputs
from trainer.pretrain import pretrain


def main(job_path: str) -> None:
    """Runs a job and writes its result last."""
    look_for_garbage_less_often()
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    job = Job.model_validate_json(Path(job_path).read_text())
    folder = Path(job.folder)
    started = time.monotonic()
    commit = code_revision()  # while it is that of the code that was imported
    made = _STAGES[job.stage](job, folder)
    how = {
        "seconds": time.monotonic() - started,
        "cpu_seconds": time.process_time(),
        "trainer": job.trainer,
        "commit": commit,
        "stack": stack_of(job.stage),
    }
    result = made.model_copy(update=how)
    # A cell is done once this file is there.
    write_whole(folder / RESULT, json.dumps(result.to_json(), indent=1))


def _leave_with_parent() -> None:
    """Ends this process once the experiment that started it is gone.

    Otherwise another experiment might write this cell's folder, too.
    """
    # Unbuffered: a buffer's lock, held here, would fail the interpreter's shutdown.
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def _pretrain(job: Job, folder: Path) -> PretrainResult:
    found = pretrain(_inputs(job), str(folder / ENCODER))
    return PretrainResult.model_validate(found)


def _rank(job: Job, folder: Path) -> RankResult:
    inputs = _inputs(job)
    ranker, found = finetune(inputs, job.encoder)
    evaluate = tf.function(serving_module(ranker, inputs).evaluate, autograph=False)
    _predict(evaluate, inputs, job, folder)
    return RankResult(**found, validation_auc=max(found["curves"]["val_mean_auc"]))


def _counts(job: Job, folder: Path) -> RankResult:
    inputs = _inputs(job)
    trees = TreesOfTasks(inputs)
    _predict(trees.evaluate, inputs, job, folder)
    return RankResult(validation_auc=trees.validation_auc)


def _predict(evaluate: Evaluate, inputs: StageInputs, job: Job, folder: Path) -> None:
    """Scores the test split and writes the columns into the cell's folder."""
    # Any: to numpy 2's stubs, a name that isn't known when types are checked may be `allow_pickle`.
    columns: dict[str, Any] = {}
    columns.update(predict(evaluate, list(inputs.spec.tasks), job.raw))
    np.savez_compressed(folder / PREDICTIONS, **columns)


_STAGES: dict[StageName, Callable[[Job, Path], CellResult]] = {
    "pretrain": _pretrain,
    "rank": _rank,
    "counts": _counts,
}


def _inputs(job: Job) -> StageInputs:
    stage = "pretrain" if job.stage == "pretrain" else "finetune"
    config = TrainerConfig.model_validate(job.trainer, context=SAVED)
    return StageInputs.from_transform(
        stage, job.transformed, job.graph, DatasetSpec.from_json(job.spec), config
    )


if __name__ == "__main__":
    main(sys.argv[1])
