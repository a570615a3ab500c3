"""The right scores of users and lists of candidates, computed without a server."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.signatures import inputs_left, run_signature
from serving import contract
from serving.inputs import candidate_tensors, user_tensors
from serving.server.session import SavedModelSession
from serving.server_options import RuntimeOptions

User = Mapping[str, Any]
Scores = dict[tuple[int, int], np.ndarray]  # by a user's place and a list's place: [candidates]


class ReferenceScores:
    """What each model scores by `predict`, which knows no states.

    Args:
        models: Exported models whose scores differ.
        users: Raw features of users.
        lists: Lists of candidates' item ids.
        task: The task that is scored.
        tolerance: How far right scores may lie from these: states may be stored in less than
            float32.

    Raises:
        ValueError: Two models score some list alike, so that the wrong one's scores could pass.
    """

    def __init__(
        self,
        models: Sequence[Path],
        users: Sequence[User],
        lists: Sequence[list[str]],
        task: str,
        tolerance: float,
    ) -> None:
        self.models = tuple(models)
        self.users = users
        self.lists = lists
        self.task = task
        self._tolerance = tolerance
        self._scores = [self._of(model) for model in models]
        # A version's scores must be told from another's, or the check would prove nothing.
        for one, other in itertools.combinations(self._scores, 2):
            if _smallest_difference(one, other) < 5 * tolerance:
                raise ValueError("models score alike: choose others, or other users and candidates")

    def matches(self, user: int, items: int, scores: np.ndarray, model: int | None = None) -> bool:
        """Whether all `scores` of a user's list of items are those of one model.

        Args:
            user: The user's place in `users`.
            items: The list's place in `lists`.
            scores: What was answered.
            model: The model's place in `models`; None for any of them.
        """
        chosen = self._scores if model is None else [self._scores[model]]
        for right in chosen:
            differences = abs(right[user, items] - scores)
            if (differences < self._tolerance).all():
                return True
        return False

    def _of(self, model: Path) -> Scores:
        session = SavedModelSession(model, RuntimeOptions())
        scores: Scores = {}
        try:
            for user in range(len(self.users)):
                for items in range(len(self.lists)):
                    scores[user, items] = self._predict(session, user, items)
        finally:
            session.close()
        return scores

    def _predict(self, session: SavedModelSession, user: int, items: int) -> np.ndarray:
        of_user = dict(session.signatures[contract.ENCODE_USER].inputs)
        of_items = inputs_left(session.signatures[contract.PREDICT].inputs, of_user)
        tensors = user_tensors([self.users[user]], of_user)
        tensors |= candidate_tensors({contract.CANDIDATE_ITEM_ID: self.lists[items]}, of_items, 1)
        scores = run_signature(session, contract.PREDICT, tensors)[self.task]
        return np.asarray(scores[0])


def _smallest_difference(one: Scores, other: Scores) -> float:
    """Of all lists, how far the two models' scores of a list are apart at most."""
    differences: list[float] = []
    for pair, scores in one.items():
        differences.append(float(abs(scores - other[pair]).max()))
    return min(differences)
