"""Runs an experiment's cells, those that are done left alone, and writes the results."""

from __future__ import annotations

import fcntl
import itertools
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from pipelines.config import load_run_config
from pipelines.errors import RunError
from pipelines.experiment.cells import Cell
from pipelines.experiment.checks import check_experiment
from pipelines.experiment.config import ExperimentConfig
from pipelines.experiment.experiment import Experiment
from pipelines.experiment.job import Job
from pipelines.experiment.records import (
    Records,
    check_records_are_here,
    prepare_records,
    with_history_length,
    without_counts,
)
from pipelines.places import check_places
from preprocessing.config import load_yaml

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


def run_experiment(
    config_path: Path,
    only: Sequence[str] = (),
    jobs: int = 1,
    publish: Path | None = None,
    train: bool = True,
) -> None:
    """Prepares the records, trains every cell that is not done, and writes the results.

    Args:
        config_path: The experiment's YAML file.
        only: Models to train; all by default.
        jobs: Trainings at a time, each on one thread.
        publish: A Markdown file whose section on this experiment is replaced.
        train: Whether anything is trained; if not, the results are of what is done.

    Raises:
        ConfigError: a file is wrong.
        DataError: the log or a table can't be used.
        RunError: a training failed.
    """
    console = Console(soft_wrap=True)
    config = load_yaml(config_path, ExperimentConfig)
    unknown = sorted(set(only) - set(config.models))
    if unknown:
        raise RunError(
            f"--only must name models of {config_path}: {', '.join(config.models)}. "
            f"Received: {unknown}"
        )
    run = load_run_config(Path(config.run))
    if config.without_counts:
        run = without_counts(run)
    check_records_are_here(run)
    check_places(run)
    check_experiment(config, run)
    run = run.at_span()
    experiments = Path(run.runs_dir).absolute() / "experiments"
    records: dict[int | None, Records] = {}
    for model in config.models.values():
        length = model.history_length
        if length not in records:
            records[length] = prepare_records(with_history_length(run, length), console)
    experiment = Experiment(config, run, records, experiments / "cells")
    if train:
        train_cells(experiment, only or list(config.models), jobs, console)
    from pipelines.experiment.report import write_results

    folder = experiments / config_path.stem
    folder.mkdir(parents=True, exist_ok=True)
    console.print(f"Results: {write_results(experiment, folder, config_path, publish)}")


def train_cells(experiment: Experiment, names: Sequence[str], jobs: int, console: Console) -> None:
    """Trains all cells of some models that are not done.

    Raises:
        RunError: a training failed.
    """

    def make(cell: Cell) -> None:
        left = _left(experiment, names, jobs)
        console.print(
            f"{cell.stage} {cell.name}, seed {cell.trainer.seed} ({left})",
            markup=False,
            highlight=False,
        )
        _train(experiment, cell)

    # Threads only wait: each training is a process of its own.
    with ThreadPoolExecutor(jobs) as pool:
        for wave in experiment.waves(names):
            missing = [cell for cell in wave if not cell.is_done(experiment.cells)]
            trainings = [pool.submit(make, cell) for cell in missing]
            try:
                for training in trainings:
                    training.result()
            finally:
                # After a failure, those that haven't begun are left out.
                for training in trainings:
                    training.cancel()


def _left(experiment: Experiment, names: Sequence[str], jobs: int) -> str:
    """How much is left, and about how long it takes.

    A ranker that is still to be trained is taken to need as long as those of its model did so far;
    where there are none, as long as all did.
    """
    left = experiment.trainings_left(names)
    spent = {name: _seconds(experiment, name) for name in names}
    known = list(itertools.chain.from_iterable(spent.values()))
    text = f"{sum(left.values())} rankers left"
    if not known:
        return text
    guess = 0.0
    for name, count in left.items():
        guess += count * statistics.fmean(spent[name] or known)
    return f"{text}, about {guess / jobs / 60:.0f} min and their pre-training"


def _seconds(experiment: Experiment, name: str) -> list[float]:
    """How long the trials of a model took that are done."""
    done = [cell for cell in experiment.trials(name) if cell.is_done(experiment.cells)]
    return [cell.result(experiment.cells).seconds for cell in done]


def _train(experiment: Experiment, cell: Cell) -> None:
    folder = cell.folder(experiment.cells)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "job.json"
    log = folder / "log.txt"
    records = cell.records
    job = Job(
        stage=cell.stage,
        raw=records.raw,
        transformed=records.transformed,
        graph=records.graph,
        spec=records.spec.model_dump_json(),
        trainer=cell.trainer.model_dump(mode="json"),
        encoder=experiment.encoder_folder(cell),
        folder=str(folder),
    )
    with (folder / "lock").open("w") as lock:
        # Another experiment may be at this cell; the worker holds the lock as well.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if cell.is_done(experiment.cells):  # by that other experiment, meanwhile
            return
        path.write_text(job.model_dump_json(indent=1))
        code = _run_worker(path, log, lock.fileno())
    if code:
        raise RunError(
            f"training {cell.name}, seed {cell.trainer.seed}, failed; its log: {log}. What is done "
            "is kept: run it again, and it goes on."
        )


def _run_worker(job: Path, log: Path, lock: int) -> int:
    """The worker's exit status.

    It leaves once its standard input ends, so it does not outlive this process.
    """
    command = [sys.executable, "-m", "pipelines.experiment.worker", str(job)]
    environment = os.environ | _ONE_THREAD
    with log.open("w") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=[lock],
        )
        try:
            return process.wait()
        finally:
            process.kill()
            process.stdin.close()  # type: ignore[union-attr]
