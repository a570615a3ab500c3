"""The statistics table in a served model: fills the statistics that a request leaves out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping

import tensorflow as tf

from preprocessing.features import Side
from preprocessing.spec import DatasetSpec
from preprocessing.spec_match import ITEM_ID
from preprocessing.statistics.as_of import AsOf
from preprocessing.statistics.names import ITEM, OF, SEPARATOR
from serving.contract import CANDIDATE_ITEM_ID, STATISTICS_FILE
from trainer.export.users_items import UsersItems, width_of

Raw = Mapping[str, tf.Tensor]


class StatisticsTable(tf.Module):
    """Looks statistics up by raw values, before the transform graph.

    The table is an asset of the SavedModel, so that a version with a newer table is a copy of the
    version with another file; see preprocessing/statistics/table.py for what is in it. A value that
    the request has wins. What is counted of users and items together comes with the user and goes
    into the state, see UsersItems. Where nothing is known, nothing has happened.

    Args:
        lines: The table's lines.
        spec: Declares the statistics.

    Attributes:
        as_of: Of when the table is; None where no line says it.
    """

    def __init__(self, lines: Iterable[bytes], spec: DatasetSpec) -> None:
        super().__init__(name="statistics_table")
        lines = list(lines)
        self.as_of = AsOf.of_lines(lines)
        self._folder = tempfile.TemporaryDirectory()  # the file is copied where the model is saved
        path = os.path.join(self._folder.name, os.path.basename(STATISTICS_FILE))
        with open(path, "wb") as file:
            file.writelines(line + b"\n" for line in lines)
        columns = {"key_index": 0, "value_index": 1, "delimiter": "\t"}
        initializer = tf.lookup.TextFileInitializer(
            path, tf.string, value_dtype=tf.string, **columns
        )
        self._table = tf.lookup.StaticHashTable(initializer, "")
        self._spec = spec
        self.users_items = UsersItems(spec)

    def fill_user(self, raw: Raw) -> dict[str, tf.Tensor]:
        """Raw user features with all statistics of the user, [B] each."""
        nobody = tf.zeros_like(raw["user_id"])  # ""
        return self._filled("user", raw, lambda name: self._numbers(name, nobody))

    def fill_candidates(self, raw: Raw, rows: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """Raw candidate features with all statistics of candidates, [B, N] each.

        Args:
            raw: Raw candidate features [B, N], item ids among them.
            rows: What is counted of the user and items together, as from `UsersItems.rows`, dense.
        """

        def numbers(name: str) -> tf.Tensor:
            keys = self._keys(name, raw)
            if not self._spec.features.statistics[name].is_of_user(name):
                return self._numbers(name, keys)
            nothing = self._numbers(name, tf.zeros_like(keys))
            return nothing if rows is None else self.users_items.find(name, keys, rows, nothing)

        return self._filled("candidate", raw, numbers)

    def _filled(
        self, side: Side, raw: Raw, numbers: Callable[[str], tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """`raw` with each statistic of a side that it lacks; `numbers` looks a statistic up."""
        filled = dict(raw)
        names = [column.statistic for column in self._spec.statistic_columns(side)]
        for name in dict.fromkeys(names):
            known = numbers(name)
            columns = self._spec.features.statistics[name].columns(name, tuple(self._spec.tasks))
            for place, column in enumerate(columns):
                feature = f"{side}_{column.name}"
                sent = raw.get(feature)
                number = known[..., place]
                if sent is not None:
                    number = tf.where(tf.math.is_nan(sent), number, sent)
                filled[feature] = number
        return filled

    def _keys(self, name: str, raw: Raw) -> tf.Tensor:
        """What a statistic counts apart of each candidate, the user left out: strings [B, N].

        It is "" where a part of it is absent.
        """
        statistic = self._spec.features.statistics[name]
        parts = []
        for part in statistic.item_keys(name):
            parts.append(raw[CANDIDATE_ITEM_ID] if part == ITEM_ID else self._value(part, raw))
        lacking = tf.reduce_any(tf.stack([part == "" for part in parts]), 0)
        return tf.where(lacking, "", tf.strings.join(parts, SEPARATOR))

    def _value(self, feature: str, raw: Raw) -> tf.Tensor:
        """An item feature's values: those that are sent, or else the table's."""
        known = tf.io.decode_base64(self._look_up((ITEM, feature), raw[CANDIDATE_ITEM_ID]))
        sent = raw.get(f"candidate_{feature}")
        return known if sent is None else tf.where(sent == "", known, sent)

    def _numbers(self, name: str, keys: tf.Tensor) -> tf.Tensor:
        """The numbers of keys, float32 [..., columns]; those of "" where one isn't there."""
        found = self._look_up((OF, name), keys)
        default = self._look_up((OF, name), tf.constant(""))
        encoded = tf.where(found == "", default, found)
        numbers = tf.io.decode_raw(tf.io.decode_base64(encoded), tf.float32)
        return tf.ensure_shape(numbers, [*keys.shape, width_of(self._spec, name)])

    def _look_up(self, place: tuple[str, str], keys: tf.Tensor) -> tf.Tensor:
        """The table's values, "" where it has none; its keys are in base64."""
        prefix = SEPARATOR.join((*place, ""))
        return self._table.lookup(tf.io.encode_base64(tf.strings.join([prefix, keys])))
