"""Columns to serialised tf.Examples, with every record feature in every record."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from tfx_bsl.coders import example_coder

from preprocessing.features import RecordFeature

ARROW_TYPES = {"string": pa.binary(), "int64": pa.int64(), "float": pa.float32()}
_ABSENT = {"string": b"", "int64": 0, "float": float("nan")}


@dataclasses.dataclass(frozen=True)
class Lists:
    """A list a record.

    Attributes:
        offsets: int [R + 1].
        values: All values, [offsets[R]].
    """

    offsets: np.ndarray
    values: pa.Array


def encode_records(
    features: Sequence[RecordFeature], rows: int, scalars: Mapping[str, pa.Array], lists: Mapping[str, Lists]
) -> list[bytes]:
    """Serialises `rows` records.

    Args:
        features: All features of a record. One that is given nowhere is absent: "", NaN, 0 or an empty list.
        rows: How many records, R.
        scalars: Values by feature name, [R].
        lists: Lists by feature name, R each.
    """
    arrays = [_column(feature, rows, scalars, lists) for feature in features]
    batch = pa.RecordBatch.from_arrays(arrays, [feature.name for feature in features])
    return example_coder.RecordBatchToExamplesEncoder().encode(batch)


def _column(
    feature: RecordFeature, rows: int, scalars: Mapping[str, pa.Array], lists: Mapping[str, Lists]
) -> pa.ListArray:
    value_type = ARROW_TYPES[feature.dtype]
    if feature.is_list:
        empty = Lists(np.zeros(rows + 1, np.int32), pa.array([], value_type))
        given = lists.get(feature.name, empty)
    else:
        absent = pa.array([_ABSENT[feature.dtype]] * rows, value_type) if feature.name not in scalars else None
        given = Lists(np.arange(rows + 1), scalars.get(feature.name, absent))
    return pa.ListArray.from_arrays(pa.array(given.offsets, pa.int32()), given.values.cast(value_type))
