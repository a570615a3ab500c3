"""A report's results in a file, for what reads reports of finished runs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from pipelines.errors import RunError
from pipelines.report.results import RunResults
from pipelines.text import finite

RESULTS = "results.json"


def to_json(results: RunResults) -> str:
    """All results; NaN becomes null."""
    return json.dumps(finite(dataclasses.asdict(results)), ensure_ascii=False, allow_nan=False) + "\n"


def read_results(run_dir: Path) -> RunResults:
    """The results of a finished run.

    Args:
        run_dir: Its directory, or a copy of it that has `report/`.

    Raises:
        RunError: there is no such directory, or no finished run in it.
    """
    if not run_dir.is_dir():
        raise RunError(f"{run_dir}: no such directory. Give a run's, such as runs/ml_100k.")
    path = run_dir / "report" / RESULTS
    if not path.is_file():
        raise RunError(
            f"{run_dir}: no finished run ({path} is missing). `srp4ctr run` makes one; `srp4ctr report {run_dir}` "
            "writes what an older version left out."
        )
    return RunResults(**json.loads(path.read_text(encoding="utf-8")))
