"""Pass after pass over the data, from any step on."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


@tf.autograph.experimental.do_not_convert  # takes seconds, and there is nothing to convert
def passes(
    one_pass: Callable[[tf.Tensor], tf.data.Dataset], steps: int, start: int = 0
) -> tf.data.Dataset:
    """Endless batches: `steps` of each pass.

    What comes after a step doesn't depend on where reading has started.

    Args:
        one_pass: The batches of a pass, by its number, at least one; one that has less than `steps`
            is gone through again, and of one that has more the rest is left out.
        steps: Batches of a pass.
        start: How many batches are left out at the beginning; whole passes are not even read.
    """
    first, rest = divmod(start, steps)
    numbers = tf.data.Dataset.range(first, tf.int64.max)
    return numbers.flat_map(lambda number: one_pass(number).repeat().take(steps)).skip(rest)
