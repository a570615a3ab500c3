"""Encodes features of floats as bytes of tf.Examples, many features and records at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from preprocessing.varint import varint

# The tags of a protobuf message's fields 1 and 2 where a length and so many bytes follow.
_FIRST = b"\x0a"
_SECOND = b"\x12"


def encode_floats(
    names: Sequence[str], offsets: np.ndarray, values: Sequence[np.ndarray]
) -> list[bytes]:
    """Encodes K features of R records as entries of tf.Features.

    Example coders take a microsecond per record and feature. Here, records with equally many
    values are written as rows of one matrix of bytes.

    Args:
        names: The K features.
        offsets: int [R + 1], where each record's values begin; the same for all features.
        values: K arrays, float32 [offsets[R]].

    Returns:
        R strings of bytes, each with the entries of all features one after the other.
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
            content = np.ascontiguousarray(numbers[places], "<f4")
            parts.append(content.view(np.uint8).reshape(len(rows), 4 * count))
        width = sum(part.shape[1] for part in parts)
        entries = np.concatenate(parts, axis=1).tobytes()
        for place, row in enumerate(rows.tolist()):
            encoded[row] = entries[place * width : (place + 1) * width]
    return encoded


def _header(name: str, count: int) -> bytes:
    """All of an entry that comes before its numbers: nested messages, each with its length."""
    size = 4 * count
    floats = _FIRST + varint(size) if count else b""
    feature = _SECOND + varint(len(floats) + size) + floats
    key = _FIRST + varint(len(name)) + name.encode()
    entry = key + _SECOND + varint(len(feature) + size) + feature
    return _FIRST + varint(len(entry) + size) + entry
