"""Public data sets that `srp4ctr data fetch` downloads, or checks where people put them by hand."""

from __future__ import annotations

from pathlib import Path

from preprocessing.datasets.catalog import DATASETS, Dataset
from preprocessing.datasets.files import Report
from preprocessing.errors import DataFetchError
from preprocessing.hints import did_you_mean

__all__ = ["DATASETS", "DataFetchError", "fetch"]


def fetch(name: str, data_dir: str | Path, report: Report = lambda message: None) -> Path:
    """Brings data set `name` into `data_dir/name`, unless it is already there as a whole.

    Args:
        name: A key of `DATASETS`.
        data_dir: The folder of all data sets; made where it is missing.
        report: Is told, in a sentence, of each step before it is taken.

    Returns:
        The data set's folder.

    Raises:
        DataFetchError: the name is unknown, the download failed, a checksum differs, or the disk
            refused.
    """
    dataset = _find(name)
    folder = Path(data_dir) / name
    try:
        dataset.fetch(folder, report)
    except OSError as error:
        place = error.filename or folder
        raise DataFetchError(
            f"data set {name}: can't write to {place}: {error.strerror}."
        ) from error
    return folder


def _find(name: str) -> Dataset:
    if name not in DATASETS:
        hint = did_you_mean(name, DATASETS, cutoff=0.5)
        raise DataFetchError(
            f"unknown data set '{name}'.{hint} Known: {', '.join(sorted(DATASETS))}."
        )
    return DATASETS[name]
