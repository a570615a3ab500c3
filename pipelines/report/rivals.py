"""What is said of the simplest rivals: popularity, and boosted trees on counts."""

from __future__ import annotations

from pipelines.counts.found import Counts
from pipelines.counts.verdict import difference
from pipelines.report.results import RunMetrics
from pipelines.text import count, decimal

BOOTSTRAP = "by a paired bootstrap over users"


def losses(metrics: RunMetrics) -> list[str]:
    """A sentence for each task whose trees rank better than the model.

    It is what a reader must know first.
    """
    counts = metrics.rivals.counts if metrics.rivals else None
    if counts is None:
        return []
    said = []
    for task, found in counts.tasks.items():
        if found.beats_model:
            how = difference(task, found)
            said.append(f"Boosted trees on counts rank better than this model: {how}.")
    return said


def rival_lines(metrics: RunMetrics) -> list[str]:
    """A line for each task and rival."""
    if metrics.rivals is None:
        return []
    lines = []
    for task, popularity in metrics.rivals.popularity.items():
        ours = decimal(metrics.tasks[task].auc)
        lines.append(f"Test AUC of “{task}”: {ours}; popularity alone {decimal(popularity)}.")
    counts = metrics.rivals.counts
    if counts is None:
        return lines
    if counts.missing is not None:
        lines.append(f"Boosted trees on counts weren't trained to compare with. {counts.missing}.")
        return lines
    is_lost = any(trees.beats_model for trees in counts.tasks.values())
    differences = [difference(task, trees) for task, trees in counts.tasks.items()]
    line = f"Beside boosted trees on counts, {'; '.join(differences)}. {read_by(counts)}"
    return [f"The model loses. {line}", *lines] if is_lost else [*lines, line]


def read_by(counts: Counts) -> str:
    """How many candidates the trees had."""
    train = counts.splits["train"]
    test = counts.splits["test"]
    sampled = f" of {count(train.all)}, a sample," if train.taken < train.all else ""
    tested = ""
    if test.taken < test.all:
        tested = f"; both are compared on {count(test.taken)} of {count(test.all)} test candidates"
    return (
        f"They learned from {count(train.taken)}{sampled} training candidates{tested}; intervals "
        f"are {BOOTSTRAP}."
    )
