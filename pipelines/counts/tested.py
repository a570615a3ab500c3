"""The candidates of the test split: as trees read them, and with what the ranker gives them."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from pipelines.counts.table import Candidates, CandidateTable
from preprocessing.features import (
    CANDIDATE_ITEM_ID,
    HISTORY_ITEM_ID,
    USER_ID,
    RecordFeature,
    record_features,
)
from preprocessing.spec import DatasetSpec
from serving.contract import CANDIDATE_MASK, EXAMPLES
from trainer.data import densify, take_share
from trainer.export.serving_module import dtype_of
from trainer.export.signatures import EVALUATE
from trainer.export.transform_graph import TransformGraph
from trainer.fields import Fields
from trainer.slices import HISTORY_LENGTH, POPULARITY, history_slice

_REQUESTS_A_BATCH = 64


@dataclasses.dataclass(frozen=True)
class Scored:
    """C candidates as a ranker sees them, in the order of the records.

    Attributes:
        users: Their users' ids, [C].
        scores: By task, probabilities [C].
        popularity: The slices by popularity that they are in, [C].
    """

    users: np.ndarray
    scores: dict[str, np.ndarray]
    popularity: np.ndarray


class RawRecords:
    """Raw records of a split, which rankers are evaluated on.

    Args:
        folder: The folder of their files.
        most: Candidates to take at most, give or take what chance does: whole requests.
        seed: Decides which.
    """

    def __init__(self, folder: str, most: int, seed: int) -> None:
        files = sorted(tf.io.gfile.glob(f"{folder}/*"))
        records = tf.data.TFRecordDataset(files, compression_type="GZIP")
        self.candidates = _count(records)
        if self.candidates > most:
            records = take_share(records, most / self.candidates, seed)
        self._blocks = records.batch(_REQUESTS_A_BATCH)

    def rows(
        self, table: CandidateTable, graph: TransformGraph, spec: DatasetSpec, fields: Fields
    ) -> Candidates:
        """The candidates as trees read them."""
        transformed = transformed_with(graph, spec, fields)
        return table.of_batches(transformed(block) for block in self._blocks)

    def scored(self, model: str, tasks: tuple[str, ...]) -> Scored:
        """What an exported ranker gives the same candidates."""
        evaluate = tf.saved_model.load(model).signatures[EVALUATE]
        users: list[np.ndarray] = []
        popularity: list[np.ndarray] = []
        scores: dict[str, list[np.ndarray]] = collections.defaultdict(list)
        for block in self._blocks:
            found = evaluate(**{EXAMPLES: block})
            mask = found[CANDIDATE_MASK].numpy()
            parsed = tf.io.parse_example(block, {USER_ID: tf.io.FixedLenFeature([], tf.string)})
            users.append(np.repeat(parsed[USER_ID].numpy(), mask.sum(1)))
            popularity.append(found[POPULARITY].numpy()[mask])
            for task in tasks:
                scores[task].append(found[task].numpy()[mask])
        of_tasks = {task: np.concatenate(parts) for task, parts in scores.items()}
        return Scored(np.concatenate(users), of_tasks, _texts(np.concatenate(popularity)))

    def slices(self, spec: DatasetSpec, features: Sequence[str]) -> dict[str, np.ndarray]:
        """The slices that the candidates are in, [C], by history length and by features.

        Args:
            spec: The dataset spec.
            features: Names of user and context features.
        """
        sliced_by = [feature for feature in record_features(spec) if feature.name in features]
        parsing = {feature.name: _parsing(feature) for feature in sliced_by}
        for name in (HISTORY_ITEM_ID, CANDIDATE_ITEM_ID):
            parsing[name] = tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64)
        found: dict[str, list[np.ndarray]] = collections.defaultdict(list)
        for block in self._blocks:
            parsed = tf.io.parse_example(block, parsing)
            candidates = parsed[CANDIDATE_ITEM_ID].row_lengths().numpy()
            lengths = parsed[HISTORY_ITEM_ID].row_lengths().numpy().tolist()
            by_length = np.array([history_slice(length) for length in lengths])
            found[HISTORY_LENGTH].append(np.repeat(by_length, candidates))
            for feature in sliced_by:
                values = _texts(parsed[feature.name].numpy())
                found[feature.name].append(np.repeat(values, candidates))
        return {name: np.concatenate(parts) for name, parts in found.items()}


def transformed_with(
    graph: TransformGraph, spec: DatasetSpec, fields: Fields
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """What makes dense transformed features, with labels, of serialised records."""
    parsing = {}
    for feature in record_features(spec):
        if feature.side != "catalog" and feature.name in graph.input_names:
            parsing[feature.name] = _parsing(feature)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None], tf.string)])
    def transformed(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        return densify(graph(tf.io.parse_example(serialized, parsing)), fields)

    return transformed


def _texts(values: np.ndarray) -> np.ndarray:
    """Values as the names of slices."""
    if values.dtype == object:
        return np.array([value.decode() for value in values])
    return values.astype(str)


def _parsing(feature: RecordFeature) -> tf.io.RaggedFeature | tf.io.FixedLenFeature:
    dtype = dtype_of(feature)
    if feature.is_list:
        return tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)  # as Transform reads them
    return tf.io.FixedLenFeature([], dtype)


def _count(records: tf.data.Dataset) -> int:
    """How many candidates raw records have."""
    parsing = {CANDIDATE_ITEM_ID: tf.io.RaggedFeature(tf.string)}
    blocks = records.batch(1024).map(
        lambda block: tf.io.parse_example(block, parsing)[CANDIDATE_ITEM_ID].flat_values
    )
    return int(blocks.reduce(np.int64(0), lambda total, ids: total + tf.size(ids, tf.int64)))
