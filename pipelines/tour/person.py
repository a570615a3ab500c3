"""The user that the tour looks at: chosen, and read from the log."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from pipelines.errors import RunError
from preprocessing.features import HISTORY_ITEM_ID, USER_ID, user_inputs
from preprocessing.lookup import user_record
from preprocessing.record_values import plain_features, plain_values
from preprocessing.spec import DatasetSpec
from serving.inputs import User
from trainer.export.serving_module import dtype_of


@dataclasses.dataclass(frozen=True)
class Person:
    """A user as of the last event.

    Attributes:
        user_id: As in the log.
        raw: User, context and history features by name, plain values and lists; the history's
            oldest event is first.
    """

    user_id: str
    raw: User

    @property
    def items(self) -> list[str]:
        """The item ids of the history."""
        items: list[str] = self.raw[HISTORY_ITEM_ID]
        return items

    def tensors(self, spec: DatasetSpec) -> dict[str, tf.Tensor]:
        """`raw` as a batch of one."""
        tensors: dict[str, tf.Tensor] = {}
        for feature in user_inputs(spec):
            value = [self.raw[feature.name]]
            tensors[feature.name] = tf.constant(value, dtype_of(feature))
        return tensors


def read_person(spec: DatasetSpec, user_id: str) -> Person:
    """Looks a user up in the log.

    Raises:
        RunError: the log has no such user, or nothing in their history.
    """
    record = user_record(spec, user_id)
    if record is None:
        raise RunError(
            f"user {user_id} is not in the log ({spec.events.place}): give another with --user, or "
            "none."
        )
    raw = plain_features(record, user_inputs(spec))
    if not raw[HISTORY_ITEM_ID]:
        raise RunError(
            f"user {user_id} has no behaviour that enters the history: give another with --user, "
            "or none."
        )
    return Person(user_id, raw)


def held_out_users(windows: str) -> dict[str, int]:
    """The users that pre-training did not learn from, with how many behaviours their windows have.

    Args:
        windows: A glob pattern of the files of raw records of split `pretrain_validation`, where a
            long history is several records.
    """
    files = sorted(tf.io.gfile.glob(windows))
    lengths: dict[str, int] = {}
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        (user,) = plain_values(features[USER_ID])
        lengths[user] = lengths.get(user, 0) + len(plain_values(features[HISTORY_ITEM_ID]))
    return lengths


def longest(lengths: Mapping[str, int]) -> str:
    """The user with the most behaviours; of several, the one whose id sorts first.

    Raises:
        RunError: there is none.
    """
    if not lengths:
        raise RunError("no user was held out of pre-training: choose one with --user.")
    return max(sorted(lengths), key=lambda user: lengths[user])
