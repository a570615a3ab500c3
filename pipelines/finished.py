"""The configuration that a run was made with, which its YAML file may no longer have."""

from __future__ import annotations

from pathlib import Path

from pipelines.config import RunConfig, load_run_config
from pipelines.errors import RunError
from preprocessing.config import SAVED


def run_dir_of(place: Path) -> Path:
    """The directory of a run, which is given itself or by its YAML file.

    Raises:
        ConfigError: the file is no run's.
        RunError: the file's run isn't there.
    """
    if not place.is_file():
        return place
    root = load_run_config(place).paths.root
    if not root.is_dir():
        raise RunError(f"{place}: its run isn't there, {root}. Make it: srp4ctr run {place}")
    return root


def config_of(run_dir: Path) -> RunConfig:
    """The configuration that a run was made with.

    Args:
        run_dir: Its directory, wherever it is now.

    Raises:
        RunError: it is no run directory.
    """
    path = run_dir / "config.json"
    if not path.is_file():
        raise RunError(
            f"{run_dir}: not a run directory (no config.json). Give one such as runs/ml_100k."
        )
    config = RunConfig.model_validate_json(path.read_bytes(), context=SAVED)
    return config.in_folder(run_dir)
