"""Data sets that are made here, the same wherever they are made."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from preprocessing.datasets.files import Report
from preprocessing.whole_files import whole_file


@dataclasses.dataclass(frozen=True)
class GeneratedDataset:
    """A data set made by a function.

    Attributes:
        name: What it is called on the command line, and its folder below the data directory.
        origin: What it is.
        licence: What may be done with it, in a sentence.
        file: The file that is made.
        build: Writes it.
    """

    name: str
    origin: str
    licence: str
    file: str
    build: Callable[[Path], None]

    def fetch(self, folder: Path, report: Report) -> None:
        """Writes the file into `folder` if it is not there.

        Raises:
            OSError: the disk refused.
        """
        path = folder / self.file
        if path.is_file():
            report(f"{self.name} is already in {folder}.")
            return
        folder.mkdir(parents=True, exist_ok=True)
        report(f"Generating {self.name} into {folder}. {self.licence}")
        with whole_file(path) as part:
            self.build(part)
