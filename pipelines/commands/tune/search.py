"""`srp4ctr tune`: looks for better settings of one run, and writes them to a file that a run takes.

TFX's Tuner component isn't used: it wants KerasTuner, whose tuners refuse the legacy Keras that
TFX's other parts need.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from pipelines.config import RunConfig, load_run_config
from pipelines.errors import RunError
from pipelines.experiment.config import ExperimentConfig, ModelConfig
from pipelines.experiment.experiment import Experiment
from pipelines.experiment.records import Records, check_records_are_here, prepare_records
from pipelines.experiment.run import train_cells
from pipelines.places import check_places
from pipelines.tuning import Overrides, TuningConfig, nested
from preprocessing.config import merge, read_mapping

_MODEL = "ranker"


def tune(config_path: Path, jobs: int = 1) -> Path:
    """Trains the run's ranker with its own settings and with `tuning.trials` others.

    What came of each is written down. A trial is kept: a search that was killed goes on.

    Args:
        config_path: The run's YAML file.
        jobs: Trainings at a time, each on one thread.

    Returns:
        The YAML file of the run with the settings of the best validation AUC.

    Raises:
        ConfigError: the file is wrong.
        DataError: the log or a table can't be used.
        RunError: there is nothing to try, or a training failed.
    """
    console = Console(soft_wrap=True)
    run = load_run_config(config_path).at_span()
    if not run.tuning.trials:
        raise RunError(
            f"{config_path}: there is nothing to try. Set tuning, such as "
            "tuning: {trials: 2, space: {finetune.optimizer.learning_rate: [0.0005, 0.001, 0.002]}}"
        )
    check_records_are_here(run)
    check_places(run)
    folder = run.paths.root / "tuning"
    folder.mkdir(parents=True, exist_ok=True)
    records = prepare_records(run, console)
    tried = []
    for tuning in (TuningConfig(), run.tuning):  # the run's own settings, then others
        experiment = _experiment(config_path, run, tuning, records, folder)
        tried += _trials(experiment, jobs, console)
    console.print(_table(tried))
    trials = [{"setting": setting, "validation_auc": auc} for setting, auc in tried]
    (folder / "trials.json").write_text(json.dumps(trials, indent=1))
    path = folder / config_path.name
    best, _ = max(tried, key=lambda pair: pair[1])
    path.write_text(_with_setting(config_path, best))
    return path


def _trials(experiment: Experiment, jobs: int, console: Console) -> list[tuple[Overrides, float]]:
    """Trains what is not done; returns settings with their best validation AUC."""
    train_cells(experiment, [_MODEL], jobs, console)
    settings = experiment.config.tuning.settings()
    tried: list[tuple[Overrides, float]] = []
    for setting, cell in zip(settings, experiment.trials(_MODEL), strict=True):
        tried.append((setting, cell.result(experiment.cells).validation_auc))
    return tried


def _experiment(
    config_path: Path, run: RunConfig, tuning: TuningConfig, records: Records, folder: Path
) -> Experiment:
    # An experiment wants a baseline, and this one has no other model.
    models = {_MODEL: ModelConfig(pretrained=run.trainer.ranker.has_encoder, baseline=True)}
    config = ExperimentConfig(
        run=str(config_path), models=models, seeds=(run.trainer.seed,), tuning=tuning
    )
    return Experiment(config, run, {None: records}, folder / "cells")


def _table(tried: list[tuple[Overrides, float]]) -> Table:
    grid = Table("setting", "validation AUC")
    for setting, auc in sorted(tried, key=lambda pair: -pair[1]):
        grid.add_row(_shown(setting), f"{auc:.4f}")
    return grid


def _shown(setting: Overrides) -> str:
    if not setting:
        return "the run's own settings"
    return ", ".join(f"{key}: {value}" for key, value in setting.items())


def _with_setting(config_path: Path, setting: Overrides) -> str:
    """The run's file with a setting under `trainer`."""
    content = read_mapping(config_path)
    for key, value in setting.items():
        content = merge(content, {"trainer": nested(key, value)})
    header = f"# {config_path}, its best settings found by srp4ctr tune\n"
    return header + yaml.safe_dump(content, sort_keys=False)
