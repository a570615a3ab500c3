"""Brings Arrow arrays of different writers to few types, so that readers of values know few."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)


def normal_array(values: pa.Array) -> pa.Array:
    """Values without dictionaries, 64-bit offsets, lists of fixed size and 16-bit floats."""
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if pa.types.is_large_string(kind):
        return pc.cast(values, pa.string())
    if pa.types.is_float16(kind):
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float32)
        return pa.array(numbers, mask=_is_null(values))
    if is_any(kind, _LISTS) and not pa.types.is_list(kind):
        return _as_list(values)
    return values


def list_offsets(values: pa.Array) -> np.ndarray:
    """Where each list's entries begin and end among `values.flatten()`: int64 [R + 1]."""
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    return sums(lengths)


def _as_list(values: pa.Array) -> pa.Array:
    offsets = pa.array(list_offsets(values), pa.int32(), mask=np.append(_is_null(values), False))
    return pa.ListArray.from_arrays(offsets, values.flatten())


def sums(counts: np.ndarray) -> np.ndarray:
    """Cumulative sums, of the first 0, 1, ... n counts: int64 [n + 1]."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def _is_null(values: pa.Array) -> np.ndarray:
    return values.is_null().to_numpy(zero_copy_only=False)


def is_any(kind: pa.DataType, tests: tuple[Callable[[pa.DataType], bool], ...]) -> bool:
    """Whether a type passes one of the tests."""
    return any(test(kind) for test in tests)
