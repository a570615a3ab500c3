"""A generated log in which clicks follow from the order of a user's behaviours, and nothing else.

So the right ranking is known, and a model that doesn't learn it is at fault.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

COLUMNS = ("user_id", "item_id", "timestamp", "request_id", "shown", "clicked")
HISTORY = 12
_START = 1_700_000_000
_SECONDS_BETWEEN = 600
_FOLLOWS = 0.5  # the share of steps that go on from an item to its successor
_WRONG = 3

Row = tuple[str, str, int, str, int, int]


def build(path: Path, users: int = 2000, items: int = 100, steps: int = 40, seed: int = 7) -> None:
    """Writes the log as CSV; the same arguments give the same file."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(planted_rows(users, items, steps, seed))


def planted_rows(users: int, items: int, steps: int, seed: int) -> Iterator[Row]:
    """Generates the rows of the log.

    Every item has one successor. A user goes on to it half of the time, and otherwise to any item.
    Now and then the user is shown the successor of the last item, which is clicked, beside
    successors of earlier items that the user did not go on to, which are not clicked. None of them
    is among the latest `HISTORY` items. So only the order of the history tells the candidates of a
    request apart: a model that sees the history as a set can't rank them better than chance, and
    one that reads the order can rank them all.

    Args:
        users: How many users.
        items: How many items.
        steps: Items a user sees.
        seed: Of everything that is random.
    """
    rng = np.random.default_rng(seed)
    successor = rng.permutation(items)
    for user in range(users):
        seen: list[int] = []
        begin = _START + int(rng.integers(0, 30 * 86_400))
        for step in range(steps):
            time = begin + step * _SECONDS_BETWEEN
            follows = seen and rng.random() < _FOLLOWS
            seen.append(int(successor[seen[-1]]) if follows else int(rng.integers(items)))
            yield f"u{user}", f"i{seen[-1]}", time, f"u{user}-{step}", 0, 0
            wrong = _wrong(seen[-HISTORY:], successor) if len(seen) >= HISTORY else []
            if len(wrong) < _WRONG:
                continue
            right = int(successor[seen[-1]])
            shown = [right, *rng.choice(wrong, _WRONG, replace=False).tolist()]
            shown_at = time + _SECONDS_BETWEEN // 2
            request = f"u{user}-{step}-request"
            for place in rng.permutation(len(shown)):
                is_right = int(place == 0)
                yield f"u{user}", f"i{shown[place]}", shown_at, request, 1, is_right


def _wrong(latest: list[int], successor: np.ndarray) -> list[int]:
    """Successors of earlier items that the user has not gone on to.

    None where the right answer is among the latest items: a model would know it without the order.
    """
    right = int(successor[latest[-1]])
    if right in latest:
        return []
    left = [item for item, following in itertools.pairwise(latest) if successor[item] != following]
    offered = {int(successor[item]) for item in left}
    return sorted(offered - set(latest) - {right})
