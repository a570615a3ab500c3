"""Raw feature values, as an application has them, as the dense tensors that a signature wants.

Values are strings (str, bytes, or whole numbers for ids) or numbers, as the signature says; None is
absent. Absent strings are "", absent floats NaN; whole numbers have no such value and must be
given. What can't be meant, such as NaN from somewhere else, numbers that are too large, lists of a
user that aren't equally long, or times in milliseconds, is refused: it would be scored.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from preprocessing.hints import did_you_mean
from serving import tensors
from serving.contract import HISTORY_ITEM_ID
from serving.request_times import check_times

User = Mapping[str, Any]


def user_tensors(users: Sequence[User], infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The tensors of users: [B] for scalars, [B, L'] for lists, which share one length.

    Args:
        users: Raw feature name -> value, or list of values for a feature along the history; B of
            them.
        infos: The signature's inputs, name -> TensorInfo, [B] or [B, L'].

    Raises:
        ValueError: A name is unknown, a value has the wrong type or rank, isn't finite or is too
            large, a whole number is missing, a user's lists aren't equally long, or a time can't be
            one.
    """
    if not users:
        raise ValueError("At least one user is needed. Received: users=[]")
    for user in users:
        check_names(user, infos)
    lists = [name for name, info in infos.items() if _is_list(info)]
    lengths = [_history_length(user, lists) for user in users]
    length = max(lengths) or 1  # "" alone is an empty history
    # Where there are no events, not even whole numbers along them need be given.
    has_history = any(lengths)
    filled = {}
    for name, info in infos.items():
        if _is_list(info):
            rows: list[Sequence[Any]] = []
            for user in users:
                values = _given(name, user, info, required=has_history)
                rows.append(() if values is None else values)
            filled[name] = _matrix(name, rows, length, info)
        else:
            column = [_given(name, user, info, required=True) for user in users]
            filled[name] = _array(name, column, info)
    check_times(filled)
    return filled


def absent_user(infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The tensors of a user of whom nothing is known."""
    inputs = {}
    for name, info in infos.items():
        shape = [1] * len(info.tensor_shape.dim)
        inputs[name] = np.full(shape, _absent(info), tensors.dtype_of(info.dtype))
    return inputs


def latest_events(inputs: dict[str, np.ndarray], length: int) -> dict[str, np.ndarray]:
    """Cuts each history to its latest `length` behaviours; one without an item id is padding."""
    ids = inputs[HISTORY_ITEM_ID]
    if ids.shape[1] <= length:
        return inputs
    # A stable sort by "is an event" moves padding to the front, and keeps the order of events.
    kept = np.argsort(ids != b"", axis=1, kind="stable")[:, -length:]
    cut: dict[str, np.ndarray] = {}
    for name, array in inputs.items():
        # What is of the user, not of behaviours, has one dimension.
        cut[name] = np.take_along_axis(array, kept, 1) if array.ndim == 2 else array
    return cut


def candidate_tensors(
    columns: Mapping[str, Any], infos: Mapping[str, Any], users: int
) -> dict[str, np.ndarray]:
    """The tensors [B, N] of candidates.

    Args:
        columns: Feature name -> N values that all users share, or B lists of values, which "" pads.
        infos: The candidate inputs, name -> TensorInfo; those without a column are absent.
        users: B.

    Raises:
        ValueError: A name is unknown, a value has the wrong type, or lists have the wrong number or
            lengths.
    """
    check_names(columns, infos)
    rows: dict[str, list[Sequence[Any]]] = {}
    lengths: dict[str, list[int]] = {}
    for name, values in columns.items():
        rows[name] = per_user(name, values, users)
        lengths[name] = [len(row) for row in rows[name]]
    reference = next(iter(lengths))
    for name, found in lengths.items():
        if found != lengths[reference]:
            raise ValueError(
                f"{name} must have as many values as {reference}. Received: {found}, "
                f"{lengths[reference]}"
            )
    count = max(lengths[reference])
    if count == 0:
        raise ValueError(f"At least one candidate is needed. Received: {reference}=[]")
    absent: list[Sequence[Any]] = [()] * users
    filled: dict[str, np.ndarray] = {}
    for name, info in infos.items():
        filled[name] = _matrix(name, rows.get(name, absent), count, info)
    return filled


def per_user(name: str, values: Any, users: int) -> list[Sequence[Any]]:
    """The values of each user, of one list that all users share, or one a user.

    Raises:
        ValueError: It is no list, or there is another number of them.
    """
    _length(name, values)
    nested = [_is_nested(value) for value in values]
    if not any(nested):
        return [values] * users
    if not all(nested) or len(nested) != users:
        raise ValueError(
            f"{name} takes one list of values, or {users}, one a user. Received: {len(nested)} "
            "values"
        )
    return list(values)


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Refuses unknown names.

    Raises:
        ValueError: A name isn't known; the message has the nearest that is.
    """
    known = sorted(known)
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f" Known: {', '.join(known)}."
            raise ValueError(f"Unknown feature '{name}'.{hint}")


def _is_list(info: Any) -> bool:
    return len(info.tensor_shape.dim) == 2


def _length(name: str, values: Any) -> int:
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
        raise ValueError(f"{name} takes a list of values. Received: {values!r}")
    return len(values)


def _history_length(user: User, lists: Sequence[str]) -> int:
    """How long a user's lists are."""
    lengths: dict[str, int] = {}
    for name in lists:
        if user.get(name) is not None:
            lengths[name] = _length(name, user[name])
    reference = HISTORY_ITEM_ID if HISTORY_ITEM_ID in lengths else next(iter(lengths), "")
    for name, found in lengths.items():
        if found != lengths[reference]:
            raise ValueError(
                f"{name} must have as many values as {reference}. Received: {found}, "
                f"{lengths[reference]}"
            )
    return lengths.get(reference, 0)


def _given(name: str, user: User, info: Any, required: bool) -> Any:
    value = user.get(name)
    if value is None and required and tensors.dtype_of(info.dtype).kind not in "Of":
        raise ValueError(f"{name} is a whole number and must be given. Received: {sorted(user)}")
    return value


def _is_nested(value: Any) -> bool:
    """Whether a value is a list itself; text is one value, though it is a sequence."""
    return isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes))


def _matrix(name: str, rows: Sequence[Sequence[Any]], length: int, info: Any) -> np.ndarray:
    flat: list[Any] = []
    for row in rows:
        flat.extend(row)
        flat.extend([None] * (length - len(row)))
    return _array(name, flat, info).reshape(len(rows), length)


def _array(name: str, values: Sequence[Any], info: Any) -> np.ndarray:
    dtype = tensors.dtype_of(info.dtype)
    absent = _absent(info)
    array = np.empty(len(values), dtype)
    # Object arrays hold strings; what is neither they nor floats are whole numbers.
    convert = {"O": _text, "f": _number}.get(dtype.kind, _whole_number)
    found = [absent if value is None else convert(name, value) for value in values]
    _check_range(name, found, dtype)
    array[:] = found
    return array


def _check_range(name: str, values: Sequence[Any], dtype: np.dtype) -> None:
    """Refuses numbers that a dtype doesn't hold: they would become infinite, or others."""
    if dtype.kind not in "fiu":
        return
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    # As Python's own numbers, which compare exactly.
    to_python = float if dtype.kind == "f" else int
    least, most = to_python(limits.min), to_python(limits.max)
    for value in values:
        if value < least or value > most:
            raise ValueError(
                f"{name} takes numbers between {least:.1e} and {most:.1e}. Received: {value!r}"
            )


def _absent(info: Any) -> Any:
    return {"O": b"", "f": float("nan")}.get(tensors.dtype_of(info.dtype).kind, 0)


def _text(name: str, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return str(value).encode()
    if not isinstance(value, str):
        raise ValueError(f"{name} takes strings. Received: {value!r}")
    return value.encode()


def _number(name: str, value: Any) -> Any:
    if not isinstance(value, (int, float, np.number, np.bool_)):
        raise ValueError(f"{name} takes numbers. Received: {value!r}")
    # Python has whole numbers that are too large for `isfinite`.
    if not isinstance(value, int) and not math.isfinite(value):
        raise ValueError(
            f"{name} takes finite numbers, and None where it is absent. Received: {value!r}"
        )
    return value


def _whole_number(name: str, value: Any) -> Any:
    if _number(name, value) != int(value):
        raise ValueError(f"{name} takes whole numbers. Received: {value!r}")
    return int(value)
