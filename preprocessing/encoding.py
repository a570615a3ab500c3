"""Makes serialised tf.Examples of columns, with every record feature in every record."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.example_bytes import FIRST, NOTHING, by_size, headers_of, values_of
from preprocessing.features import RecordFeature
from preprocessing.varint import varint

ARROW_TYPES = {"string": pa.binary(), "int64": pa.int64(), "float": pa.float32()}
_ABSENT = {"string": b"", "int64": 0, "float": float("nan")}


@dataclasses.dataclass(frozen=True)
class Lists:
    """One list of values per record.

    Attributes:
        offsets: int [R + 1].
        values: All values, [offsets[R]].
    """

    offsets: np.ndarray
    values: pa.Array


def encode_records(
    features: Sequence[RecordFeature],
    rows: int,
    scalars: Mapping[str, pa.Array],
    lists: Mapping[str, Lists],
) -> list[bytes]:
    """Serialises `rows` records, always to the same bytes.

    A tf.Example's features are a map, which protobuf writes in any order; here they are in that of
    `features`.

    Args:
        features: All features of a record. One that is given nowhere is absent: "", NaN, 0 or an
            empty list.
        rows: How many records, R.
        scalars: Values by feature name, [R].
        lists: Lists by feature name, R each.
    """
    parts: list[pa.Array | pa.Scalar] = []
    for feature in features:
        given = _given(feature, rows, scalars, lists)
        values = values_of(feature.dtype, given.offsets, given.values)
        parts += [headers_of(feature.name, feature.dtype, values), values]
    content = pc.binary_join_element_wise(*parts, NOTHING)
    # A tf.Example has one field, the message of its features.
    tags = by_size(content, lambda size: FIRST + varint(size))
    return pc.binary_join_element_wise(tags, content, NOTHING).to_pylist()


def _given(
    feature: RecordFeature, rows: int, scalars: Mapping[str, pa.Array], lists: Mapping[str, Lists]
) -> Lists:
    """A feature's values as one list per record, in records' types; a scalar is a list of one."""
    value_type = ARROW_TYPES[feature.dtype]
    if feature.is_list:
        empty = Lists(np.zeros(rows + 1, np.int64), pa.array([], value_type))
        given = lists.get(feature.name, empty)
        return Lists(np.asarray(given.offsets), given.values.cast(value_type))
    if feature.name in scalars:
        values = scalars[feature.name].cast(value_type)
    else:
        values = pa.array([_ABSENT[feature.dtype]] * rows, value_type)
    return Lists(np.arange(rows + 1), values)
