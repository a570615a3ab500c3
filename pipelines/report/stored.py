"""A report's results in a file, for what reads reports of finished runs."""

from __future__ import annotations

import json
from pathlib import Path

import pydantic

from pipelines.counts.scores import SCORES, TestScores
from pipelines.errors import RunError
from pipelines.report.results import RunResults

RESULTS = "results.json"


def to_json(results: RunResults) -> str:
    """All results."""
    return json.dumps(results.to_json(), ensure_ascii=False, allow_nan=False) + "\n"


def read_scores(run_dir: Path) -> TestScores | None:
    """What a finished run's models gave the test candidates.

    None where its report has none, as an older version's hasn't.
    """
    path = run_dir / "report" / SCORES
    return TestScores.from_bytes(path.read_bytes()) if path.is_file() else None


def read_results(run_dir: Path) -> RunResults:
    """The results of a finished run.

    Args:
        run_dir: Its directory, or a copy of it that has `report/`.

    Raises:
        RunError: there is no such directory, no finished run in it, or one of another version.
    """
    if not run_dir.is_dir():
        raise RunError(f"{run_dir}: no such directory. Give a run's, such as runs/ml_100k.")
    path = run_dir / "report" / RESULTS
    if not path.is_file():
        raise RunError(
            f"{run_dir}: no finished run ({path} is missing). `srp4ctr run` makes one; "
            f"`srp4ctr report {run_dir}` writes what an older version left out."
        )
    try:
        return RunResults.model_validate_json(path.read_text(encoding="utf-8"))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(
            f"{path}: written by another version ({where}: {first['msg']}). "
            f"`srp4ctr report {run_dir}` writes it again."
        ) from error
