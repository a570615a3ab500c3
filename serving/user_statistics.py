"""The input `user_statistics` of `encode_user`, made of plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from preprocessing.statistics.names import SEPARATOR
from preprocessing.statistics.users_items import user_line

Key = str | int | tuple[str | int, ...]
_NUMBERS = (int, float, np.integer, np.floating)
_MOST = float(np.finfo(np.float32).max)


def user_statistics(counted: Mapping[str, Mapping[Key, Sequence[float]]]) -> str:
    """What was counted of one user and items together, as `encode_user` takes it.

    Whether the model has such a statistic, with as many numbers, the client checks when it is sent.

    Args:
        counted: By statistic and by key, the numbers in the order of the configuration: by window,
            in each by `counts`, in each by task; `recency` is the last, once. A key is what the
            statistic's `of` names beside `user`, such as an item's id; several of them are a
            tuple. What hasn't happened needs no key.

    Returns:
        "" where nothing has happened.

    Raises:
        ValueError: a name, key or number can't be.

    Example:
        # features.statistics.own_item: {of: [user, item_id], windows: [all]}
        user["user_statistics"] = user_statistics({"own_item": {"00007": [3, 1, 0.25]}})
    """
    if not isinstance(counted, Mapping):
        raise ValueError(f"user_statistics takes a mapping of statistics. Received: {counted!r}")
    lines: list[str] = []
    for name, numbers_by_key in counted.items():
        _check_name(name)
        if not isinstance(numbers_by_key, Mapping):
            raise ValueError(
                f"user_statistics of {name!r}: takes a mapping with the numbers by key. Received: "
                f"{numbers_by_key!r}"
            )
        seen: set[str] = set()
        for key, numbers in numbers_by_key.items():
            place = f"user_statistics of {name!r}, key {key!r}"
            text = _key(key, place)
            if text in seen:
                raise ValueError(f"{place}: it is there twice, as text and otherwise")
            seen.add(text)
            lines.append(user_line(name, text, _numbers(numbers, place)))
    return "\n".join(lines)


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not name or not name.isprintable():
        raise ValueError(f"user_statistics takes a statistic's name as text. Received: {name!r}")


def _key(key: Key, place: str) -> str:
    parts = key if isinstance(key, tuple) else (key,)
    texts: list[str] = []
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, (str, int, np.integer)):
            raise ValueError(f"{place}: takes text, or a tuple of texts. Received: {part!r}")
        text = str(part)
        if not text or SEPARATOR in text:
            raise ValueError(f"{place}: no part of it may be empty or have {SEPARATOR!r} in it")
        texts.append(text)
    if not texts:
        raise ValueError(f"{place}: has no parts")
    return SEPARATOR.join(texts)


def _numbers(numbers: Any, place: str) -> np.ndarray:
    is_list = isinstance(numbers, Sequence) and not isinstance(numbers, (str, bytes))
    is_vector = isinstance(numbers, np.ndarray) and numbers.ndim == 1
    if not (is_list or is_vector) or not len(numbers):
        raise ValueError(f"{place}: takes a list of numbers. Received: {numbers!r}")
    for number in numbers:
        is_number = isinstance(number, _NUMBERS) and not isinstance(number, bool)
        if not is_number or not abs(number) <= _MOST:  # NaN isn't
            raise ValueError(f"{place}: takes finite numbers. Received: {number!r}")
    return np.array(numbers, np.float32)
