"""Compares a run's ranker with its rivals on the test split.

They are the same ranker without the encoder, and boosted trees on counts.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow_transform as tft

from pipelines.bootstrap import paired_interval, resampled_auc
from pipelines.counts.found import Counts, Gain, Sampled, TaskCounts
from pipelines.counts.table import CandidateTable
from pipelines.counts.tested import RawRecords
from pipelines.counts.trees import HOW_TO_INSTALL, Trees, installed
from preprocessing.artifact_files import split_dir, split_files
from preprocessing.spec import DatasetSpec
from trainer.data import TransformedRecords
from trainer.export.transform_graph import TransformGraph
from trainer.fields import fields_of
from trainer.metrics import auc

_RESAMPLES = 400


@dataclasses.dataclass(frozen=True)
class Sources:
    """Where records and rankers are.

    Attributes:
        raw: The folder of the records, with one for each split.
        transformed: The folder of the transformed ones.
        transform: Transform's output.
        model: The exported ranker.
        without_encoder: The same ranker without the encoder.
    """

    raw: str
    transformed: str
    transform: str
    model: str
    without_encoder: str


def compare_with_counts(sources: Sources, spec: DatasetSpec, most: int, seed: int) -> Counts:
    """What the ranker gains by its encoder, and what trees reach on counts.

    Args:
        sources: Where records and rankers are.
        spec: The dataset spec.
        most: Candidates of each split that are read at most: whole requests, drawn by the seed.
        seed: Of everything random.
    """
    transform = tft.TFTransformOutput(sources.transform)
    fields = fields_of(spec, transform)
    table = CandidateTable(fields)
    # Rankers take raw records, so the trees' test rows are transformed from the same ones.
    raw = RawRecords(split_dir(sources.raw, "test"), most, seed)
    test = raw.rows(table, TransformGraph(transform.transform_savedmodel_dir), spec, fields)
    splits = {"test": Sampled(taken=len(test), all=raw.candidates)}
    tasks = tuple(spec.tasks)
    scored = raw.scored(sources.model, tasks)
    without = raw.scored(sources.without_encoder, tasks)
    encoder = {}
    for task in tasks:
        labels = test.labels[task]
        encoder[task] = gain(labels, scored.users, scored.scores[task], without.scores[task])
    if not installed():
        missing = f"LightGBM isn't installed: {HOW_TO_INSTALL}"
        return Counts(missing=missing, splits=splits, encoder=encoder)
    records = TransformedRecords(fields, transform)
    rows = {}
    for split in ("train", "validation"):
        batches, total = records.sample([split_files(sources.transformed, split)], most, seed)
        rows[split] = table.of_batches(batches)
        splits[split] = Sampled(taken=len(rows[split]), all=total)
    found: dict[str, TaskCounts] = {}
    names: list[str] = []
    for task in tasks:
        trees = Trees(table, task, rows["train"], rows["validation"], seed)
        names = trees.names
        found[task] = compared(
            labels=test.labels[task],
            users=scored.users,
            of_model=scored.scores[task],
            of_trees=trees.scores(test),
            rounds=trees.rounds,
        )
    return Counts(missing=None, features=names, splits=splits, tasks=found, encoder=encoder)


def compared(
    labels: np.ndarray, users: np.ndarray, of_model: np.ndarray, of_trees: np.ndarray, rounds: int
) -> TaskCounts:
    """Both AUCs, and their difference with its interval."""
    return TaskCounts(
        auc=auc(labels, of_trees),
        model_auc=auc(labels, of_model),
        trees=rounds,
        **gain(labels, users, of_model, of_trees).model_dump(),
    )


def gain(labels: np.ndarray, users: np.ndarray, of_model: np.ndarray, of_rival: np.ndarray) -> Gain:
    """The difference in AUC with its interval, by a paired bootstrap over users.

    Args:
        labels: 0 or 1, [C].
        users: Whose candidates they are, [C].
        of_model: The ranker's scores, [C].
        of_rival: The rival's scores, [C].
    """
    ours = resampled_auc(users, labels, of_model, _RESAMPLES)
    theirs = resampled_auc(users, labels, of_rival, _RESAMPLES)
    low, high = paired_interval([ours], [theirs])
    points = 100 * (auc(labels, of_model) - auc(labels, of_rival))
    return Gain(points=points, low=100 * low, high=100 * high)
