"""How sure it is that the encoder makes probabilities worse, of a run's scores."""

from __future__ import annotations

from pipelines.counts.probabilities import worse
from pipelines.counts.scores import BASE, RANKER, TestScores
from pipelines.report.results import Interval


def worse_probabilities(content: bytes | None) -> dict[str, dict[str, Interval]]:
    """By task and metric, how much worse the ranker's are than those of the base ranker.

    Args:
        content: That of scores.npz; of None nothing is known.
    """
    if content is None:
        return {}
    scores = TestScores.from_bytes(content)
    found = {}
    for task, labels in scores.labels.items():
        ours = scores.scores[RANKER, task]
        without = scores.scores[BASE, task]
        intervals = {}
        for metric, (low, high) in worse(scores.users, labels, ours, without)._asdict().items():
            intervals[metric] = Interval(low=low, high=high)
        found[task] = intervals
    return found
