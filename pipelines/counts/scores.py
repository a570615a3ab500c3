"""What each model gives the test candidates: the content of scores.npz.

Differences between models, of one run or of two, are paired by it.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

SCORES = "scores.npz"
RANKER = "ranker"
BASE = "base"
TREES = "trees"


@dataclasses.dataclass(frozen=True)
class TestScores:
    """C test candidates, in the order of the records.

    Attributes:
        users: A number for each candidate's user, [C]; ids stay where the records are.
        labels: By task, 0 or 1, [C].
        scores: By model (RANKER, BASE, and TREES where there are some) and task, probabilities [C].
    """

    __test__ = False  # no class of tests

    users: np.ndarray
    labels: Mapping[str, np.ndarray]
    scores: Mapping[tuple[str, str], np.ndarray]

    def same_candidates(self, other: TestScores) -> bool:
        """Whether both are of the same users, with the same labels of the tasks that both have."""
        if not np.array_equal(self.users, other.users):
            return False
        shared = self.labels.keys() & other.labels.keys()
        return all(np.array_equal(self.labels[task], other.labels[task]) for task in shared)

    def to_bytes(self) -> bytes:
        """The content of scores.npz."""
        columns: dict[str, Any] = {"user": self.users.astype(np.int32)}
        for task, labels in self.labels.items():
            columns[f"label {task}"] = labels.astype(np.uint8)
        for (model, task), scores in self.scores.items():
            columns[f"{model} {task}"] = scores.astype(np.float32)
        content = io.BytesIO()
        np.savez_compressed(content, **columns)
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> TestScores:
        """Reads what `to_bytes` gave."""
        with np.load(io.BytesIO(content)) as columns:
            users = columns["user"]
            labels = {}
            scores = {}
            for name in columns.files:
                model, _, task = name.partition(" ")
                if model == "label":
                    labels[task] = columns[name]
                elif task:
                    scores[model, task] = columns[name]
        return cls(users, labels, scores)
