"""Pads histories and candidates to a few lengths.

TensorFlow's oneDNN makes kernels anew for each shape, and keeps a thousand of each kind. If every
length of history and every number of candidates were a shape of its own, kernels would be thrown
away and made again all the time, which takes longer than the computation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from trainer.ceil_div import ceil_div

HISTORY_BLOCK = 32
CANDIDATE_BLOCK = 8


def history_columns(longest: tf.Tensor, most: int) -> tf.Tensor:
    """The columns to pad histories to: the next multiple of 32.

    Args:
        longest: The longest history's length, a scalar.
        most: The most columns.
    """
    return tf.minimum(_next_multiple(tf.maximum(longest, 1), HISTORY_BLOCK), most)


def candidate_columns(count: tf.Tensor) -> tf.Tensor:
    """The columns to pad candidates to: the next multiple of 8 of their number, a scalar."""
    return _next_multiple(count, CANDIDATE_BLOCK)


def pad_columns(values: tf.Tensor, columns: int | tf.Tensor) -> tf.Tensor:
    """Pads the second axis of [B, N, ...] with zeros to at least `columns`."""
    missing = tf.maximum(columns - tf.shape(values)[1], 0)
    return tf.pad(values, [[0, 0], [0, missing]] + [[0, 0]] * (values.shape.rank - 2))


def pad_rows(values: tf.Tensor, rows: int | tf.Tensor) -> tf.Tensor:
    """Pads the first axis with zeros (False, 0) to at least `rows`."""
    missing = tf.maximum(rows - tf.shape(values)[0], 0)
    return tf.pad(values, [[0, missing]] + [[0, 0]] * (values.shape.rank - 1))


def pad_batch(
    batch: Mapping[str, tf.Tensor],
    rows: int | tf.Tensor,
    history: int | tf.Tensor,
    candidates: int | tf.Tensor = 0,
) -> dict[str, tf.Tensor]:
    """A dense batch with at least so many rows, behaviours and candidates.

    What is added is zeros, which stand for nothing and weigh nothing.
    """
    columns = {"history": history, "candidate": candidates, "label": candidates}
    padded = {}
    for name, values in batch.items():
        least = [rows, columns.get(name.split("_")[0], 0), 0][: values.shape.rank]
        padded[name] = _pad_axes(values, least)
    return padded


def _pad_axes(values: tf.Tensor, least: Sequence[int | tf.Tensor]) -> tf.Tensor:
    """Pads each axis with zeros to at least so many, in one operation."""
    missing = tf.maximum(tf.stack(least) - tf.shape(values), 0)
    padded = tf.pad(values, tf.stack([tf.zeros_like(missing), missing], 1))
    padded.set_shape([None, None, *values.shape[2:]][: values.shape.rank])
    return padded


def _next_multiple(number: tf.Tensor, block: int) -> tf.Tensor:
    return ceil_div(number, block) * block
