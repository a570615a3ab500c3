"""Compares a run's ranker with its rivals on the test split.

They are the base ranker without the encoder, and boosted trees on counts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow_transform as tft

from pipelines.counts.found import Counts, Sampled, TaskCounts
from pipelines.counts.judged import compared, gain, judged
from pipelines.counts.scores import BASE, RANKER, TREES, TestScores
from pipelines.counts.sliced import sliced_gains
from pipelines.counts.table import CandidateTable
from pipelines.counts.tested import RawRecords
from pipelines.counts.trees import Trees, missing
from preprocessing.artifact_files import split_dir, split_files
from preprocessing.spec import DatasetSpec
from trainer.data import TransformedRecords
from trainer.export.transform_graph import TransformGraph
from trainer.fields import fields_of
from trainer.slices import POPULARITY

# Runs of any trainer.seed are compared on the same candidates, which pairs them.
_TEST_SEED = 0


@dataclasses.dataclass(frozen=True)
class Sources:
    """Where records and rankers are.

    Attributes:
        raw: The folder of the records, with one for each split.
        transformed: The folder of the transformed ones.
        transform: Transform's output.
        model: The exported ranker.
        without_encoder: The base ranker without the encoder.
    """

    raw: str
    transformed: str
    transform: str
    model: str
    without_encoder: str


class Comparison(NamedTuple):
    """What was found, and the scores that it was found by."""

    found: Counts
    scores: TestScores


def compare_with_counts(
    sources: Sources, spec: DatasetSpec, most: int, seed: int, sliced_by: Sequence[str] = ()
) -> Comparison:
    """What the ranker gains by its encoder, and what trees reach on counts.

    Args:
        sources: Where records and rankers are.
        spec: The dataset spec.
        most: Candidates of each split that are read at most: whole requests, drawn by the seed.
        seed: Of everything random but the choice of test candidates.
        sliced_by: User and context features to slice by, besides history length and popularity.
    """
    transform = tft.TFTransformOutput(sources.transform)
    fields = fields_of(spec, transform)
    table = CandidateTable(fields, spec)
    # Rankers take raw records, so the trees' test rows are transformed from the same ones.
    raw = RawRecords(split_dir(sources.raw, "test"), most, _TEST_SEED)
    test = raw.rows(table, TransformGraph(transform.transform_savedmodel_dir), spec, fields)
    splits = {"test": Sampled(taken=len(test), all=raw.candidates)}
    tasks = tuple(spec.tasks)
    scored = raw.scored(sources.model, tasks)
    without = raw.scored(sources.without_encoder, tasks)
    ours = {}
    encoder = {}
    slices = {}
    values = {POPULARITY: scored.popularity, **raw.slices(spec, sliced_by)}
    scores: dict[tuple[str, str], np.ndarray] = {}
    kept = TestScores(np.unique(scored.users, return_inverse=True)[1], test.labels, scores)
    for task in tasks:
        scores[RANKER, task] = scored.scores[task]
        scores[BASE, task] = without.scores[task]
        labels = test.labels[task]
        ours[task] = judged(labels, scored.users, scored.scores[task])
        encoder[task] = gain(ours[task], judged(labels, scored.users, without.scores[task]))
        slices[task] = sliced_gains(
            values, scored.users, labels, scored.scores[task], without.scores[task]
        )
    reason = missing()
    if reason is not None:
        alone = Counts(missing=reason, splits=splits, encoder=encoder, slices=slices)
        return Comparison(alone, kept)
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
        scores[TREES, task] = trees.scores(test)
        of_trees = judged(test.labels[task], scored.users, scores[TREES, task])
        found[task] = compared(ours[task], of_trees, trees.rounds)
    counts = Counts(
        missing=None,
        features=names,
        splits=splits,
        tasks=found,
        encoder=encoder,
        slices=slices,
    )
    return Comparison(counts, kept)
