"""The feature `user_statistics`: what is counted of one user and items together.

A request of `encode_user` has it, because there the candidates aren't known yet. It is text, a line
per statistic and key: the statistic's name, the key without the user, and its numbers, float32 in
the order of `Statistic.columns`; the latter two in the base64 of URLs, with tabs between them. What
has no line has not happened. Records that are trained on have the numbers of their candidates
instead.
"""

from __future__ import annotations

import numpy as np

from preprocessing.statistics.text import encoded


def user_line(statistic: str, key: str, numbers: np.ndarray) -> str:
    """One line, without its end.

    Args:
        statistic: Its name.
        key: What it counts by besides the user; of several parts, joined by names.SEPARATOR.
        numbers: Its columns.
    """
    key_text = encoded(key.encode()).decode()
    numbers_text = encoded(numbers.astype("<f4").tobytes()).decode()
    return "\t".join([statistic, key_text, numbers_text])
