"""Trains trees on a run's transformed records, and compares them with its ranker on the test split."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow_transform as tft

from pipelines.bootstrap import paired_interval, resampled_auc
from pipelines.counts.found import Counts, Sampled, TaskCounts
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
    """Where everything is.

    Attributes:
        raw: The folder of the records, with one for each split.
        transformed: That of the transformed ones.
        transform: Transform's output.
        model: The exported ranker.
    """

    raw: str
    transformed: str
    transform: str
    model: str


def compare_with_counts(sources: Sources, spec: DatasetSpec, most: int, seed: int) -> Counts:
    """What trees reach on counts, beside the ranker.

    Args:
        sources: Where records and ranker are.
        spec: The dataset spec.
        most: Candidates of each split that are read at most: whole requests, drawn by the seed.
        seed: Of everything random.
    """
    if not installed():
        return Counts(missing=f"LightGBM isn't installed: {HOW_TO_INSTALL}")
    transform = tft.TFTransformOutput(sources.transform)
    fields = fields_of(spec, transform)
    table, records = CandidateTable(fields), TransformedRecords(fields, transform)
    rows, splits = {}, {}
    for split in ("train", "validation"):
        batches, total = records.sample([split_files(sources.transformed, split)], most, seed)
        rows[split] = table.of_batches(batches)
        splits[split] = Sampled(taken=len(rows[split]), all=total)
    raw = RawRecords(split_dir(sources.raw, "test"), most, seed)
    test = raw.rows(table, TransformGraph(transform.transform_savedmodel_dir), spec, fields)
    scored = raw.scored(sources.model, tuple(spec.tasks))
    splits["test"] = Sampled(taken=len(test), all=raw.candidates)
    tasks: dict[str, TaskCounts] = {}
    names: list[str] = []
    for task in spec.tasks:
        trees = Trees(table, task, rows["train"], rows["validation"], seed)
        names = trees.names
        tasks[task] = compared(
            test.labels[task], scored.users, scored.scores[task], trees.scores(test), trees.rounds
        )
    return Counts(missing=None, features=names, splits=splits, tasks=tasks)


def compared(
    labels: np.ndarray, users: np.ndarray, of_model: np.ndarray, of_trees: np.ndarray, rounds: int
) -> TaskCounts:
    """Both AUCs, and their difference with its interval, by a paired bootstrap over users."""
    aucs, resampled = [], []
    for scores in (of_model, of_trees):
        aucs.append(auc(labels, scores))
        resampled.append(resampled_auc(users, labels, scores, _RESAMPLES))
    low, high = paired_interval([resampled[0]], [resampled[1]])
    return TaskCounts(
        auc=aucs[1],
        model_auc=aucs[0],
        points=100 * (aucs[0] - aucs[1]),
        low=100 * low,
        high=100 * high,
        trees=rounds,
    )
