"""Groups candidates for the Evaluator: those that are in the same slices become one element.

TFMA then handles a few large elements in place of many requests, or of single candidates. What it
does for an element costs more than scoring a hundred candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import apache_beam as beam
import numpy as np
import pandas as pd
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue
from tensorflow_model_analysis.api.types import RaggedTensorValue

from pipelines.components.candidate_metrics import USER
from preprocessing.features import HISTORY_ITEM_ID, USER_ID
from serving.contract import CANDIDATE_MASK
from trainer.slices import HISTORY_LENGTH, POPULARITY, history_slice

HELD = 100_000  # candidates that are held to be grouped; some 50 bytes each


class GroupCandidates(beam.DoFn):
    """Batches of requests to groups of candidates, each of as many batches as can be held.

    Args:
        sliced_by: The features that candidates are sliced by.
    """

    def __init__(self, sliced_by: Sequence[str]) -> None:
        self._sliced_by = sliced_by

    def start_bundle(self) -> None:
        self._groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        self._held = 0

    def process(self, extracts: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Takes one batch; see `group_candidates`."""
        for group in group_candidates(extracts, self._sliced_by):
            self._groups.setdefault(_slices_of(group), []).append(group)
            self._held += len(group["features"][USER])
        if self._held >= HELD:
            yield from self._given_out()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for group in self._given_out():
            yield GlobalWindows.windowed_value(group)

    def _given_out(self) -> Iterator[dict[str, Any]]:
        groups = self._groups
        self.start_bundle()
        yield from map(_joined, groups.values())


def group_candidates(
    extracts: dict[str, Any], sliced_by: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """A batch of requests as its candidates, those together that are in the same slices.

    With a baseline model TFMA nests labels and predictions once more, by model name; both models'
    candidates are sliced by the candidate model's popularity, so that they land in the same slice.

    Args:
        extracts: TFMA's, of a batch.
        sliced_by: The features that candidates are sliced by.

    Yields:
        Extracts of n candidates each: labels and predictions [n], the number of each one's user
        [n], and the values of the features to slice by, which all of them have in common.
    """
    features = extracts["features"]
    predictions = extracts["predictions"]
    counts = _lengths(_first_leaf(extracts["labels"]))  # a task's
    request = np.repeat(np.arange(len(counts)), counts)  # of each candidate
    labels = _each(extracts["labels"], _flat)
    scores = _flat_predictions(predictions, counts)
    popularity = scores.get("candidate", scores)[POPULARITY]
    users = pd.util.hash_array(np.ravel(features[USER_ID]).astype(object))[request]
    of_requests = _slice_values(features, sliced_by)
    for rows in _alike(list(of_requests.values()), request, popularity):
        first = rows[0]
        common = {name: values[request[first]] for name, values in of_requests.items()}
        common |= {POPULARITY: popularity[first : first + 1], USER: users[rows]}
        yield {
            "features": common,
            "labels": _each(labels, itemgetter(rows)),
            "predictions": _each(scores, itemgetter(rows)),
        }


def _slice_values(
    features: dict[str, Any], sliced_by: Sequence[str]
) -> dict[str, list[np.ndarray]]:
    """The values of each request by which its candidates are sliced."""
    values = {}
    for name in sliced_by:
        if name == HISTORY_LENGTH:
            lengths = _lengths(features[HISTORY_ITEM_ID]).tolist()
            values[name] = [np.array([history_slice(length)]) for length in lengths]
        elif name != POPULARITY:
            values[name] = [np.ravel(row) for row in _rows(features[name])]
    return values


def _alike(
    of_requests: list[list[np.ndarray]], request: np.ndarray, popularity: np.ndarray
) -> list[np.ndarray]:
    """The candidates' numbers, in groups of the same popularity and the same values of requests."""
    kinds: dict[tuple[Any, ...], int] = {}
    kind_of_request = []
    for values in zip(*of_requests, strict=True):
        key = tuple(tuple(value.tolist()) for value in values)  # arrays can't be keys
        kind_of_request.append(kinds.setdefault(key, len(kinds)))
    levels, level = np.unique(popularity, return_inverse=True)
    group = np.array(kind_of_request, int)[request] * len(levels) + level
    order = np.argsort(group, kind="stable")
    ends = np.flatnonzero(np.diff(group[order])) + 1
    return np.split(order, ends) if len(order) else []


def _flat_predictions(predictions: dict[str, Any], counts: np.ndarray) -> dict[str, Any]:
    """A batch's predictions [requests, most candidates] as [n], without padding.

    They stay by model, if there are several.
    """
    if CANDIDATE_MASK not in predictions:
        return {model: _flat_predictions(own, counts) for model, own in predictions.items()}
    mask = predictions[CANDIDATE_MASK].astype(bool)
    wrong = (mask != (np.arange(mask.shape[1]) < counts[:, None])).any(axis=1)
    if wrong.any():
        request = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"a request has {counts[request]} labels, but its candidates are "
            f"{mask[request].tolist()}: padding must not be scored."
        )
    flat: dict[str, Any] = {}
    for name, value in predictions.items():
        if name != CANDIDATE_MASK:
            flat[name] = value[mask]
    return flat


def _slices_of(group: dict[str, Any]) -> tuple[Any, ...]:
    """What groups that belong together have in common."""
    features = group["features"]
    return tuple(tuple(features[name].tolist()) for name in sorted(features) if name != USER)


def _joined(groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Groups of the same slices as one."""
    users = [group["features"][USER] for group in groups]
    return {
        "features": groups[0]["features"] | {USER: np.concatenate(users)},
        "labels": _concatenated([group["labels"] for group in groups]),
        "predictions": _concatenated([group["predictions"] for group in groups]),
    }


def _concatenated(values: list[Any]) -> Any:
    """Nested dictionaries of the same names as one, with the leaves [n] one after the other."""
    if isinstance(values[0], dict):
        return {name: _concatenated([value[name] for value in values]) for name in values[0]}
    return np.concatenate(values)


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """Nested dictionaries with each leaf changed."""
    if isinstance(value, dict):
        return {name: _each(inner, change) for name, inner in value.items()}
    return change(value)


def _rows(value: Any) -> list[Any]:
    """A batch's lists (ragged, or in one array where all are equally long) as arrays."""
    if isinstance(value, RaggedTensorValue):
        return np.split(value.values, value.nested_row_splits[0][1:-1])
    return list(value)


def _lengths(value: Any) -> np.ndarray:
    """How long each of a batch's lists is."""
    if isinstance(value, RaggedTensorValue):
        return np.diff(value.nested_row_splits[0])
    return np.full(len(value), value.size // max(len(value), 1))


def _flat(value: Any) -> np.ndarray:
    """A batch's lists, one after the other."""
    return value.values if isinstance(value, RaggedTensorValue) else np.ravel(value)


def _first_leaf(value: Any) -> Any:
    return _first_leaf(next(iter(value.values()))) if isinstance(value, dict) else value
