"""The input `user_statistics` of `encode_user`, made of plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from preprocessing.statistics.names import SEPARATOR
from preprocessing.statistics.users_items import user_line

Key = str | int | tuple[str | int, ...]
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
    lines: list[str] = []
    for name, numbers_by_key in counted.items():
        if not isinstance(numbers_by_key, Mapping):
            raise ValueError(
                f"user_statistics of {name!r}: takes a mapping with the numbers by key. Received: "
                f"{numbers_by_key!r}"
            )
        for key, numbers in numbers_by_key.items():
            place = f"user_statistics of {name!r}, key {key!r}"
            lines.append(user_line(name, _key(key, place), _numbers(numbers, place)))
    return "\n".join(lines)


def _key(key: Key, place: str) -> str:
    parts = key if isinstance(key, tuple) else (key,)
    texts: list[str] = []
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, (str, int)):
            raise ValueError(f"{place}: takes text, or a tuple of texts. Received: {part!r}")
        text = str(part)
        if not text or SEPARATOR in text:
            raise ValueError(f"{place}: no part of it may be empty or have {SEPARATOR!r} in it")
        texts.append(text)
    if not texts:
        raise ValueError(f"{place}: has no parts")
    return SEPARATOR.join(texts)


def _numbers(numbers: Sequence[float], place: str) -> np.ndarray:
    is_list = isinstance(numbers, (Sequence, np.ndarray)) and not isinstance(numbers, (str, bytes))
    if not is_list or not len(numbers):
        raise ValueError(f"{place}: takes a list of numbers. Received: {numbers!r}")
    for number in numbers:
        is_number = isinstance(number, (int, float, np.number)) and not isinstance(number, bool)
        if not is_number or math.isnan(number) or abs(number) > _MOST:
            raise ValueError(f"{place}: takes finite numbers. Received: {number!r}")
    return np.array(numbers, np.float32)
