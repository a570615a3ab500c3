"""What the encoder gains in slices of the test candidates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipelines.counts.found import Gain
from pipelines.counts.judged import gain, judged

ENOUGH = 500  # candidates; the AUC of fewer is too uncertain to conclude from

Slices = Mapping[str, np.ndarray]
"""By feature, the value of each candidate as text, [C]."""


def sliced_gains(
    slices: Slices,
    users: np.ndarray,
    labels: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
) -> dict[str, dict[str, Gain]]:
    """The gain in each slice that has enough candidates and both labels, by feature and value.

    Args:
        slices: What candidates are sliced by.
        users: Whose candidate each is, [C].
        labels: 0 or 1, [C].
        ours: A model's scores, [C].
        theirs: Another's, [C].
    """
    found = {}
    for feature, values in slices.items():
        gains = {}
        names, counts = np.unique(values, return_counts=True)
        for value in names[counts >= ENOUGH].tolist():
            rows = values == value
            of_slice = labels[rows]
            if of_slice.min() < of_slice.max():
                better = judged(of_slice, users[rows], ours[rows])
                gains[value] = gain(better, judged(of_slice, users[rows], theirs[rows]))
        found[feature] = gains
    return found
