"""What is counted of a user and items together, such as how often this user met this item.

It comes with a request for a state, travels in the state, and is looked up for candidates.
"""

from __future__ import annotations

import tensorflow as tf

from preprocessing.features import feature_name
from preprocessing.spec import DatasetSpec

_FINGERPRINTS = 2**31 - 2  # they start at 1: all fit in an int32, and 0 is nobody's


class UsersItems:
    """Rows of integers, one for each statistic and key.

    A row is the number of the statistic, the key's fingerprint, and the bits of its numbers. Keys
    are compared by a fingerprint of 31 bits, as items are for matches. Numbers keep all their bits,
    so that `score_items` sees what `predict` sees.

    Args:
        spec: Declares the statistics.
    """

    def __init__(self, spec: DatasetSpec) -> None:
        self._names = spec.statistics_of_users_items
        self._widths = {name: width_of(spec, name) for name in self._names}

    @property
    def row_integers(self) -> int:
        """How many integers a row has; 0 where nothing is counted of users and items together."""
        return 2 + max(self._widths.values()) if self._names else 0

    def rows(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """The rows of texts as preprocessing/statistics/users_items.py writes them.

        Lines of statistics that the spec doesn't have are passed over.

        Args:
            texts: Strings [B].

        Returns:
            int32 [B, (K), row_integers].
        """
        lines = tf.strings.split(texts, "\n")
        parts = tf.strings.split(lines.flat_values, "\t").to_tensor("", shape=[None, 3])
        which = tf.zeros([tf.shape(parts)[0]], tf.int32)  # the statistic's number, from 1 on
        for number, name in enumerate(self._names, start=1):
            which = tf.where(parts[:, 0] == name, number, which)
        longest = 4 * max(self._widths.values())
        numbers = tf.io.decode_raw(tf.io.decode_base64(parts[:, 2]), tf.int32, fixed_length=longest)
        rows = tf.concat([which[:, None], _fingerprints(parts[:, 1])[:, None], numbers], 1)
        rows = tf.ensure_shape(rows, [None, self.row_integers])
        known = lines.with_flat_values(which > 0)  # "" is a line, too
        return tf.ragged.boolean_mask(lines.with_flat_values(rows), known)

    def find(self, name: str, keys: tf.Tensor, rows: tf.Tensor, nothing: tf.Tensor) -> tf.Tensor:
        """The numbers of a statistic's keys.

        Args:
            name: The statistic's.
            keys: Strings [B, N].
            rows: int32 [B, K, row_integers], K at least 1; rows of zeros are none.
            nothing: The numbers of what hasn't happened, float32 [B, N, columns].

        Returns:
            float32 [B, N, columns].
        """
        wanted = _fingerprints(tf.io.encode_base64(keys))
        is_its = rows[:, None, :, 0] == self._names.index(name) + 1
        equal = is_its & (rows[:, None, :, 1] == wanted[:, :, None])  # [B, N, K]
        place = tf.argmax(tf.cast(equal, tf.int32), -1)
        bits = tf.gather(rows, place, batch_dims=1)[..., 2 : 2 + self._widths[name]]
        is_found = tf.reduce_any(equal, -1, keepdims=True)
        return tf.where(is_found, tf.bitcast(bits, tf.float32), nothing)


def inputs_of(spec: DatasetSpec, name: str) -> list[str]:
    """The inputs of candidates that a statistic's numbers are, in the order of a line."""
    columns = spec.features.statistics[name].columns(name, tuple(spec.tasks))
    return [feature_name("candidate", column.name) for column in columns]


def width_of(spec: DatasetSpec, name: str) -> int:
    """How many numbers a statistic has."""
    return len(inputs_of(spec, name))


def _fingerprints(keys: tf.Tensor) -> tf.Tensor:
    """Of keys in base64, int32."""
    return tf.cast(tf.strings.to_hash_bucket_fast(keys, _FINGERPRINTS) + 1, tf.int32)
