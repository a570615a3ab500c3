"""Makes serialised tf.Examples of columns, with every record feature in every record."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from tfx_bsl.coders import example_coder

from preprocessing.features import RecordFeature
from preprocessing.float_encoding import encode_floats
from preprocessing.varint import MORE, varint

ARROW_TYPES = {"string": pa.binary(), "int64": pa.int64(), "float": pa.float32()}
_FEATURES = b"\n"  # the tag of tf.Example.features
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

    A tf.Example's features are a map, which protobuf writes in any order. So each feature is
    encoded by itself (floats several at once, which is faster), and a record is the bytes of its
    features one after the other: in protobuf, two messages joined are one message.

    Args:
        features: All features of a record. One that is given nowhere is absent: "", NaN, 0 or an
            empty list.
        rows: How many records, R.
        scalars: Values by feature name, [R].
        lists: Lists by feature name, R each.
    """
    columns: list[list[bytes]] = []
    for _, alike in itertools.groupby(features, lambda feature: _floats_alike(feature, lists)):
        run = list(alike)
        arrays = [_column(feature, rows, scalars, lists) for feature in run]
        if run[0].dtype == "float":
            offsets = arrays[0].offsets.to_numpy()
            numbers = [array.values.to_numpy(zero_copy_only=False) for array in arrays]
            columns.append(encode_floats([feature.name for feature in run], offsets, numbers))
        else:
            for feature, array in zip(run, arrays, strict=True):
                columns.append(_encode(feature.name, array))
    return [_joined(parts) for parts in zip(*columns, strict=True)]


def _floats_alike(feature: RecordFeature, lists: Mapping[str, Lists]) -> str | int | None:
    """A key that features of floats share if they have equally many values in each record.

    None for features that aren't floats.
    """
    if feature.dtype != "float":
        return None
    if not feature.is_list:
        return "scalar"
    return id(lists[feature.name].offsets) if feature.name in lists else "empty"


def _encode(name: str, column: pa.ListArray) -> list[bytes]:
    """The entry of a tf.Features with one feature, for each row."""
    batch = pa.RecordBatch.from_arrays([column], [name])
    examples = example_coder.RecordBatchToExamplesEncoder().encode(batch)
    return [_features_of(example) for example in examples]


def _joined(features: Iterable[bytes]) -> bytes:
    """One tf.Example with the features of all."""
    content = b"".join(features)
    return _FEATURES + varint(len(content)) + content


def _features_of(example: bytes) -> bytes:
    """The bytes of a tf.Example's only field, a tf.Features, after its tag and its length."""
    start = len(_FEATURES)
    while example[start] & MORE:
        start += 1
    return example[start + 1 :]


def _column(
    feature: RecordFeature, rows: int, scalars: Mapping[str, pa.Array], lists: Mapping[str, Lists]
) -> pa.ListArray:
    """A feature's values as one list per record; a scalar is a list of one."""
    value_type = ARROW_TYPES[feature.dtype]
    if feature.is_list:
        empty = Lists(np.zeros(rows + 1, np.int32), pa.array([], value_type))
        given = lists.get(feature.name, empty)
    elif feature.name in scalars:
        given = Lists(np.arange(rows + 1), scalars[feature.name])
    else:
        absent = pa.array([_ABSENT[feature.dtype]] * rows, value_type)
        given = Lists(np.arange(rows + 1), absent)
    offsets = pa.array(given.offsets, pa.int32())
    return pa.ListArray.from_arrays(offsets, given.values.cast(value_type))
