"""Scores many items for one user with an exported model, as a server does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from serving import contract


class Scorer:
    """An exported ranker.

    Args:
        model_dir: The SavedModel.
        max_candidates: The most items that it takes at once.
    """

    def __init__(self, model_dir: str, max_candidates: int) -> None:
        self._signatures = tf.saved_model.load(model_dir).signatures
        self._max_candidates = max_candidates

    def probabilities(
        self, user: Mapping[str, tf.Tensor], items: Sequence[str], task: str
    ) -> np.ndarray:
        """One probability for each item.

        Args:
            user: Raw features of a batch of one.
            items: Their ids.
            task: What is predicted.
        """
        encoded = self._signatures[contract.ENCODE_USER](**user)
        name = contract.state_name(encoded)
        score = self._signatures[contract.SCORE_ITEMS]
        found = []
        # The user is encoded once, however many calls the items take.
        for start in range(0, len(items), self._max_candidates):
            part = tf.constant([items[start : start + self._max_candidates]])
            scores = score(**{name: encoded[name], contract.CANDIDATE_ITEM_ID: part})
            found.append(scores[task].numpy()[0])
        return np.concatenate(found)
