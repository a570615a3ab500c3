"""Columns to serialised tf.Examples, with every record feature in every record."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from tfx_bsl.coders import example_coder

from preprocessing.features import RecordFeature

ARROW_TYPES = {"string": pa.binary(), "int64": pa.int64(), "float": pa.float32()}
_FEATURES = b"\n"  # the tag of tf.Example.features
_MORE = 0x80  # in a byte of a length: another follows
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
    """Serialises `rows` records, the same ones always to the same bytes.

    A tf.Example's features are a map, which protobuf writes in any order. So each feature is encoded as an Example of
    its own, and a record is these one after the other: as protobuf has it, messages joined are one message.

    Args:
        features: All features of a record. One that is given nowhere is absent: "", NaN, 0 or an empty list.
        rows: How many records, R.
        scalars: Values by feature name, [R].
        lists: Lists by feature name, R each.
    """
    columns = [_encode(feature.name, _column(feature, rows, scalars, lists)) for feature in features]
    return [_joined(parts) for parts in zip(*columns, strict=True)]


def _encode(name: str, column: pa.ListArray) -> list[bytes]:
    """A tf.Example a row, each with this feature alone."""
    batch = pa.RecordBatch.from_arrays([column], [name])
    return example_coder.RecordBatchToExamplesEncoder().encode(batch)


def _joined(examples: Iterable[bytes]) -> bytes:
    """One tf.Example with the features of all."""
    features = b"".join(map(_features_of, examples))
    return _FEATURES + _length(len(features)) + features


def _features_of(example: bytes) -> bytes:
    """The bytes of a tf.Example's only field, a tf.Features, after its tag and its length."""
    start = len(_FEATURES)
    while example[start] & _MORE:
        start += 1
    return example[start + 1 :]


def _length(count: int) -> bytes:
    """A length as protobuf writes it: seven bits a byte, the lowest first, a mark on all but the last."""
    written = bytearray()
    while count >= _MORE:
        written.append(count % _MORE | _MORE)
        count //= _MORE
    written.append(count)
    return bytes(written)


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
