"""Writes a finished run's report.

That is JSON files for programs, index.html for people, and the model's card.
"""

from __future__ import annotations

import json
from pathlib import Path

from pipelines.config import LOG
from pipelines.counts.scores import SCORES
from pipelines.errors import RunError
from pipelines.logs import logs_to
from pipelines.report.model_card import CARD, model_card
from pipelines.report.page import render
from pipelines.report.results import RunResults
from pipelines.report.stored import RESULTS, to_json
from preprocessing.paths import is_local
from preprocessing.whole_files import write_whole

METRICS = "metrics.json"
PAGE = "index.html"


def write_report(run_dir: Path) -> Path:
    """Writes `<run_dir>/report/`; a report that is there is replaced.

    Returns:
        The page's path.

    Raises:
        RunError: `run_dir` is no run directory, or a component has not finished.
    """
    if not run_dir.is_dir():
        raise RunError(
            f"{run_dir}: no such directory. Give a run's, such as runs/ml_100k, or its YAML file."
        )
    with logs_to(run_dir / LOG):
        # It imports TFX, which takes 20 seconds.
        from pipelines.report.collect import collect, test_scores

        results = collect(run_dir)
        _put_beside_model(results)
        return save(results, run_dir / "report", test_scores(run_dir))


def save(results: RunResults, folder: Path, scores: bytes | None = None) -> Path:
    """Writes all files into `folder`, each in one step: a reader never sees half of one.

    Args:
        results: What the run found.
        folder: Where the files go.
        scores: The content of scores.npz, if there is one; `srp4ctr compare` pairs runs by it.

    Returns:
        The page's path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    metrics = json.dumps(results.metrics.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(folder / METRICS, metrics + "\n")
    write_whole(folder / RESULTS, to_json(results))
    if scores is not None:
        write_whole(folder / SCORES, scores)
    write_whole(folder / PAGE, render(results))
    write_whole(folder / CARD, model_card(results))
    return folder / PAGE


def _put_beside_model(results: RunResults) -> None:
    """Puts the card into the pushed version.

    Only where there is one on this machine and it has not been taken back.
    """
    version = results.metrics.pushed_version
    newest = results.metrics.serving_model
    if version and newest and is_local(newest):
        extra = Path(newest).parent / version / "assets.extra"
        if extra.is_dir():
            write_whole(extra / CARD, model_card(results))
