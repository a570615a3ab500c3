"""Trees of all tasks as a model of an experiment.

They give what a ranker's signature `evaluate` gives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from pipelines.counts.table import Candidates, CandidateTable
from pipelines.counts.tested import transformed_with
from pipelines.counts.trees import Trees
from preprocessing.features import CANDIDATE_ITEM_ID
from serving.contract import CANDIDATE_MASK
from trainer.export.transform_graph import TransformGraph
from trainer.inputs import StageInputs
from trainer.metrics import auc
from trainer.slices import POPULARITY

_REQUESTS_A_BATCH = 256


class TreesOfTasks:
    """Trained on all training candidates, stopped by the validation split.

    Args:
        inputs: Files, transform graph, spec and seed.
    """

    def __init__(self, inputs: StageInputs) -> None:
        self._fields = inputs.fields()
        self._records = inputs.records()
        self._table = CandidateTable(self._fields, inputs.spec)
        training = self._rows(inputs.train)
        validation = self._rows(inputs.validation)
        self._trees: dict[str, Trees] = {}
        aucs = []
        for task in self._fields.tasks:
            trees = Trees(self._table, task, training, validation, inputs.config.seed)
            self._trees[task] = trees
            aucs.append(auc(validation.labels[task], trees.scores(validation)))
        self.validation_auc = float(np.mean(aucs))
        self._catalog = self._records.catalog(inputs.catalog)
        graph = TransformGraph(inputs.transform_output().transform_savedmodel_dir)
        self._transformed = transformed_with(graph, inputs.spec, self._fields)

    def evaluate(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        """Probabilities [B, N] by task, and what else the signature gives.

        Args:
            serialized: Raw records, [B].
        """
        batch = self._transformed(serialized)
        items = batch[CANDIDATE_ITEM_ID]  # 0 pads requests with fewer candidates
        is_candidate = items.numpy() > 0
        rows = self._table.of_batches([batch])
        found = {CANDIDATE_MASK: items > 0, POPULARITY: self._catalog.popularity(items)}
        for task, trees in self._trees.items():
            scores = np.zeros(is_candidate.shape, np.float32)
            scores[is_candidate] = trees.scores(rows)
            found[task] = tf.constant(scores)
        return found

    def _rows(self, files: Sequence[str]) -> Candidates:
        return self._table.of_batches(self._records.batches(files, _REQUESTS_A_BATCH))
