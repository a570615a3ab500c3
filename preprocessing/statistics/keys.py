"""What a statistic counts apart: the keys of events and of candidates."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.event_features import EventFeatures
from preprocessing.features import RecordFeature, candidate_inputs, feature_name
from preprocessing.spec import DatasetSpec
from preprocessing.statistics.names import SEPARATOR
from preprocessing.tables import is_absent

ABSENT = ""


def key_features(spec: DatasetSpec, name: str) -> list[RecordFeature]:
    """The candidate features that make the keys of statistic `name`, besides the user."""
    by_name = {feature.name: feature for feature in candidate_inputs(spec)}
    keys = spec.features.statistics[name].item_keys(name)
    return [by_name[feature_name("candidate", key)] for key in keys]


def item_keys(
    parts: list[RecordFeature],
    values: EventFeatures,
    numbers: np.ndarray,
    times: np.ndarray | None = None,
) -> pa.Array:
    """The keys of events, or of sampled items: strings, ABSENT where one has no value.

    Args:
        parts: From `key_features`.
        values: The values of features.
        numbers: int64, event numbers.
        times: int64, seconds: what was known strictly before makes the key; by default each event's
            own time.
    """
    return joined_keys([values(part, numbers, times) for part in parts])


def joined_keys(parts: list[pa.Array]) -> pa.Array:
    """Keys of several values each: strings, ABSENT where one is absent."""
    if len(parts) == 1:
        return parts[0].cast(pa.string())
    lacking = np.any([is_absent(part) for part in parts], axis=0)
    joined = pc.binary_join_element_wise(*(part.cast(pa.string()) for part in parts), SEPARATOR)
    return pc.if_else(pa.array(lacking), ABSENT, joined)


def codes_in(values: pa.Array, keys: pa.Array) -> np.ndarray:
    """The place of each key among `values`, -1 for one that isn't there: int64."""
    found = pc.index_in(keys, value_set=values)
    return pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)


def distinct(keys: pa.Array) -> pa.Array:
    """The keys, each once and sorted, without ABSENT."""
    found = pc.unique(keys)
    found = found.filter(pc.not_equal(found, ABSENT))
    return found.take(pc.sort_indices(found))
