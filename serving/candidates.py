"""Candidates: as columns, cut into requests; and their scores: merged, and in order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving import contract

Candidates = Sequence[Any] | Mapping[str, Any]
Columns = Mapping[str, Any]
Scores = dict[str, np.ndarray]


def as_columns(candidates: Candidates) -> Columns:
    """Candidates by feature name.

    Raises:
        ValueError: There are no item ids.
    """
    if not isinstance(candidates, Mapping):
        return {contract.CANDIDATE_ITEM_ID: candidates}
    if contract.CANDIDATE_ITEM_ID not in candidates:
        raise ValueError(
            f"Candidates need '{contract.CANDIDATE_ITEM_ID}'. Received: "
            f"{', '.join(sorted(candidates))}"
        )
    return candidates


def split(inputs: Mapping[str, np.ndarray], most: int) -> list[dict[str, np.ndarray]]:
    """Cuts inputs [B, N] into the fewest requests of at most `most` candidates each."""
    count = inputs[contract.CANDIDATE_ITEM_ID].shape[1]
    requests = math.ceil(count / most)
    bounds = np.linspace(0, count, requests + 1).astype(int)
    parts = []
    for begin, end in itertools.pairwise(bounds):
        parts.append({name: array[:, begin:end] for name, array in inputs.items()})
    return parts


def merge(parts: Sequence[Scores]) -> Scores:
    """The scores [B, N] of what `split` made."""
    if len(parts) == 1:
        return parts[0]
    merged = {}
    for task in parts[0]:
        merged[task] = np.concatenate([part[task] for part in parts], axis=1)
    return merged


def ranked(
    items: Sequence[Any], scores: Scores, top: int | None, by: str | None
) -> list[tuple[Any, dict[str, float]]]:
    """One user's (item id, {task: score}) pairs, the best first, ties in the order given.

    Raises:
        ValueError: `by` is none of the tasks, or is left out where there are several.
    """
    best_first = np.argsort(-scores[_task(by, scores)][0], kind="stable")
    pairs = []
    for place in best_first[:top]:
        by_task = {task: float(score[0, place]) for task, score in scores.items()}
        pairs.append((items[place], by_task))
    return pairs


def check_top(top: int | None) -> None:
    """Refuses a number of items that is none.

    Raises:
        ValueError: it is below 1.
    """
    if top is not None and top < 1:
        raise ValueError(f"`top` must be at least 1, or None for all. Received: top={top}")


def _task(by: str | None, scores: Scores) -> str:
    if by in scores:
        return by
    if by is None and len(scores) == 1:
        return next(iter(scores))
    raise ValueError(
        f"`by` must be one of the model's tasks, {', '.join(sorted(scores))}. Received: by={by!r}"
    )
