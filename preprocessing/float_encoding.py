"""Features of floats to the bytes of tf.Examples, many features of many records at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from preprocessing.varint import varint

_FIRST, _FLOATS = (
    b"\x0a",
    b"\x12",
)  # tags of a message's fields 1 and 2, whose contents have a length


def encode_floats(
    names: Sequence[str], offsets: np.ndarray, values: Sequence[np.ndarray]
) -> list[bytes]:
    """The entries of features in a tf.Features, for each record those of all features one after the other.

    Example coders take a microsecond a record and feature; here one of a record costs no more than
    its bytes.

    Args:
        names: K features.
        offsets: int [R + 1], where each record's values begin, of all features alike.
        values: float32 [offsets[R]] of each feature.
    """
    lengths = np.diff(offsets)
    encoded: list[bytes] = [b""] * len(lengths)
    for count in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == count)
        places = np.asarray(offsets)[rows, None] + np.arange(count)
        parts = []
        for name, numbers in zip(names, values, strict=True):
            header = np.frombuffer(_header(name, count), np.uint8)
            parts.append(np.broadcast_to(header, (len(rows), len(header))))
            parts.append(
                np.ascontiguousarray(numbers[places], "<f4")
                .view(np.uint8)
                .reshape(len(rows), 4 * count)
            )
        width = sum(part.shape[1] for part in parts)
        content = np.concatenate(parts, axis=1).tobytes()
        for place, row in enumerate(rows.tolist()):
            encoded[row] = content[place * width : (place + 1) * width]
    return encoded


def _header(name: str, count: int) -> bytes:
    """All of an entry that comes before its numbers: messages in messages, each with its length."""
    size = 4 * count
    floats = _FIRST + varint(size) if count else b""
    feature = _FLOATS + varint(len(floats) + size) + floats
    key = _FIRST + varint(len(name)) + name.encode()
    entry = key + _FLOATS + varint(len(feature) + size) + feature
    return _FIRST + varint(len(entry) + size) + entry
