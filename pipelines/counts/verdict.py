"""What is said of a ranker that has to beat trees on counts."""

from __future__ import annotations

from pipelines.counts.found import Counts, TaskCounts


def not_beaten(counts: Counts) -> list[str]:
    """Why a ranker that has to beat the trees may not be pushed."""
    asked = "evaluation.must_beat asks for a model that beats boosted trees on counts"
    if counts.missing is not None:
        return [f"{asked}, and there are none to compare with. {counts.missing}."]
    reasons = []
    for task, found in counts.tasks.items():
        if found.points is None or found.points <= 0:
            reasons.append(f"{asked}: {difference(task, found)}.")
    return reasons


def difference(task: str, found: TaskCounts) -> str:
    """Both AUCs of a task and how far they are apart."""
    if found.auc is None or found.model_auc is None or found.points is None:
        return f"the test AUC of “{task}” is undefined"
    interval = ""
    if found.low is not None and found.high is not None:
        interval = f", 95 % interval {found.low:+.2f} to {found.high:+.2f}"
    return (
        f"the test AUC of “{task}” is {found.model_auc:.4f}, and that of the trees {found.auc:.4f} "
        f"({found.points:+.2f} points{interval})"
    )
