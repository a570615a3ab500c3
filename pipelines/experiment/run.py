"""Runs an experiment's cells one after another, those that are done left alone, and writes the results."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from pipelines.config import RunConfig, load_run_config
from pipelines.errors import RunError
from pipelines.experiment.cells import Cell, pretrain_cell
from pipelines.experiment.config import ExperimentConfig, Overrides, override
from pipelines.experiment.records import Records, prepare_records
from preprocessing.config import load_yaml
from trainer.config import TrainerConfig


class Experiment:
    """An experiment on prepared records.

    Args:
        config: What is compared.
        run: The run that the records are from.
        records: Its records.
        root: Where cells and results go.
        console: Where progress goes.
    """

    def __init__(
        self, config: ExperimentConfig, run: RunConfig, records: Records, root: Path, console: Console
    ) -> None:
        self.config, self.run, self.records, self.root, self.console = config, run, records, root, console
        self._spent: list[float] = []

    def run_all(self, only: Sequence[str] = ()) -> None:
        """Tunes every model, then trains it with every seed, seed by seed; what is done already is left alone."""
        names = [name for name in self.config.models if not only or name in only]
        for name in names:
            if len(self.config.tuning.settings()) > 1:
                for cell in self.trials(name):
                    self._make(cell, names)
        for seed in self.config.seeds:
            for name in names:
                self._make(self.test_cell(name, seed), names)

    def trials(self, name: str) -> list[Cell]:
        """A cell a setting, with the first seed."""
        seed = self.config.seeds[0]
        return [self._cell("trial", name, setting, seed) for setting in self.config.tuning.settings()]

    def best_setting(self, name: str) -> Overrides:
        """The setting with the best validation AUC."""
        settings = self.config.tuning.settings()
        if len(settings) == 1:
            return settings[0]
        aucs = [cell.result(self.root)["validation_auc"] for cell in self.trials(name)]
        return settings[aucs.index(max(aucs))]

    def test_cell(self, name: str, seed: int) -> Cell:
        """The cell whose predictions count; its trials must be done."""
        return self._cell("test", name, self.best_setting(name), seed)

    def is_tuned(self, name: str) -> bool:
        """Whether all trials of a model are done."""
        return len(self.config.tuning.settings()) == 1 or all(cell.is_done(self.root) for cell in self.trials(name))

    def _cell(self, stage: str, name: str, setting: Overrides, seed: int) -> Cell:
        model = self.config.models[name]
        trainer = override(self.run.trainer, model.trainer, setting, seed)
        data = self.records.transformed
        encoder = pretrain_cell(trainer, data) if model.pretrained else None
        return Cell("test" if stage == "test" else "trial", name, trainer, encoder, data)

    def _make(self, cell: Cell, names: Sequence[str]) -> None:
        if cell.encoder is not None:
            self._make(cell.encoder, names)
        if cell.is_done(self.root):
            return
        left = self._seconds_left(names)
        self.console.print(f"{cell.stage} of {cell.name}, seed {cell.trainer.seed} ({left})", markup=False)
        started = time.monotonic()
        _train(self._job(cell), cell.folder(self.root))
        self._spent.append(time.monotonic() - started)

    def _seconds_left(self, names: Sequence[str]) -> str:
        """A guess from the cells made so far; pre-training counts as the others do."""
        total = len(names) * (self.config.tuning.trials + len(self.config.seeds))
        done = sum(
            sum(cell.is_done(self.root) for cell in self.trials(name)) * (self.config.tuning.trials > 0)
            + sum(self.is_tuned(name) and self.test_cell(name, s).is_done(self.root) for s in self.config.seeds)
            for name in names
        )
        if not self._spent:
            return f"{done} of {total} trainings done"
        minutes = sum(self._spent) / len(self._spent) * (total - done) / 60
        return f"{done} of {total} trainings done, about {minutes:.0f} min left"

    def _job(self, cell: Cell) -> dict[str, object]:
        encoder = cell.encoder.folder(self.root) / "encoder" if cell.encoder else None
        return dataclasses.asdict(self.records) | {
            "stage": cell.stage,
            "spec": self.run.spec.model_dump_json(),
            "trainer": _plain(cell.trainer),
            "encoder": str(encoder) if encoder else None,
            "folder": str(cell.folder(self.root)),
        }


def run_experiment(config_path: Path, only: Sequence[str], publish: Path | None) -> None:
    """Prepares the records, runs every cell that is not done, and writes tables, pictures and results.

    Args:
        config_path: The experiment's YAML file.
        only: Models to run; all by default.
        publish: A Markdown file whose section on this experiment is replaced.

    Raises:
        ConfigError: a file is wrong.
        RunError: a training failed.
    """
    console = Console(soft_wrap=True)
    config = load_yaml(config_path, ExperimentConfig)
    unknown = set(only) - set(config.models)
    if unknown:
        raise RunError(f"--only must name models of {config_path}: {', '.join(config.models)}. Received: {unknown}")
    run = load_run_config(Path(config.run))
    root = Path(run.runs_dir).absolute() / "experiments" / config_path.stem
    root.mkdir(parents=True, exist_ok=True)
    experiment = Experiment(config, run, prepare_records(run, console), root, console)
    experiment.run_all(only)
    from pipelines.experiment.report import write_results

    console.print(f"Results: {write_results(experiment, config_path, publish)}")


def _train(job: dict[str, object], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path, log = folder / "job.json", folder / "log.txt"
    path.write_text(json.dumps(job, indent=1))
    with log.open("w") as stream:
        command = [sys.executable, "-m", "pipelines.experiment.worker", str(path)]
        done = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise RunError(f"a training failed; its log: {log}. The experiment goes on from there when it is run again.")


def _plain(trainer: TrainerConfig) -> dict[str, object]:
    return trainer.model_dump(mode="json")
