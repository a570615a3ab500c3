"""A made-up log as this package's transformed records, written without Beam."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.training.log import LENGTH, VALUES, Log
from preprocessing.features import (
    CATALOG_ITEMS_A_RECORD,
    TRAINING_EVENTS,
    label_name,
    model_features,
)
from preprocessing.spec import DatasetSpec
from trainer.config import TrainerConfig
from trainer.fields import Field, Fields
from trainer.inputs import StageInputs

_FILES = 8


@dataclasses.dataclass(frozen=True)
class GeneratedInputs(StageInputs):
    """A stage's inputs whose vocabularies are given, not looked up in a transform graph."""

    items: int = 0

    def fields(self) -> Fields:
        return fields_of(self.spec, self.items)

    def transform_output(self) -> Any:
        return _Format(self.fields())

    def by(self, config: TrainerConfig) -> GeneratedInputs:
        """The same, trained on with another configuration."""
        return dataclasses.replace(self, config=config)


@dataclasses.dataclass(frozen=True)
class _Format:
    """Stands for a TFTransformOutput."""

    fields: Fields

    def transformed_feature_spec(self) -> dict[str, Any]:
        fields = self.fields
        features: dict[str, Any] = {TRAINING_EVENTS: tf.io.RaggedFeature(tf.int64)}
        for field in [*fields.of("user"), *fields.of("context")]:
            features[field.name] = tf.io.FixedLenFeature([], tf.int64)
        for field in [*fields.of("history"), *fields.of("candidate")]:
            features[field.name] = tf.io.RaggedFeature(tf.int64)
        for task in fields.tasks:
            features[label_name(task)] = tf.io.RaggedFeature(tf.float32)
        return features


def spec(actions: bool = True, length: int = LENGTH) -> DatasetSpec:
    """The made-up log's spec: an item has a category and a brand.

    Args:
        actions: Whether a behaviour has an action besides its item.
        length: Behaviours of a history.
    """
    return DatasetSpec.model_validate(
        {
            "name": "made_up",
            "events": {"format": "csv", "path": "events.csv"},
            "features": {
                "user": {"gender": {"kind": "categorical"}},
                "item": {"category": {"kind": "categorical"}, "brand": {"kind": "categorical"}},
                "behavior": {"action": {"kind": "categorical"}} if actions else {},
                "context": {"device": {"kind": "categorical"}},
            },
            "history": {"length": length},
            "tasks": {"click": {"column": "clicked", "equals": 1}},
        }
    )


def fields_of(data: DatasetSpec, items: int) -> Fields:
    """The spec's fields with `items` item indices."""
    sized = []
    for feature in model_features(data):
        sized.append(Field(feature, items if feature.field == "item_id" else VALUES))
    return Fields(tuple(sized), data.history.length, tuple(data.tasks))


def write_inputs(
    folder: Path, log: Log, config: TrainerConfig, actions: bool = True, length: int = LENGTH
) -> GeneratedInputs:
    """Writes the log to eight files, and its catalogue to one.

    The log is training and validation data alike.
    """
    folder.mkdir(parents=True)
    data = spec(actions, length)
    fields = fields_of(data, log.items)
    starts = log.starts
    for number in range(_FILES):
        requests = range(number, len(log.lengths), _FILES)
        records = (_record(fields, log, request, starts) for request in requests)
        _write(folder / f"records-{number}.gz", records)
    items = np.arange(1, log.items)
    bounds = range(CATALOG_ITEMS_A_RECORD, len(items), CATALOG_ITEMS_A_RECORD)
    chunks = np.split(items, bounds)
    _write(folder / "catalog.gz", (_catalog(fields, log, chunk) for chunk in chunks))
    return written_inputs(folder, data, config, log.items)


def written_inputs(
    folder: Path, data: DatasetSpec, config: TrainerConfig, items: int
) -> GeneratedInputs:
    """What `write_inputs` left in a folder."""
    files = [str(folder / "records-*.gz")]
    catalog = [str(folder / "catalog.gz")]
    return GeneratedInputs(files, files, catalog, str(folder), data, config, items=items)


def _record(fields: Fields, log: Log, request: int, starts: np.ndarray) -> bytes:
    behaviors = log.history(request, starts)
    candidates = log.candidates[request]
    values = _of_items(fields, log, candidates)
    for field in [*fields.of("user"), *fields.of("context")]:
        values[field.name] = log.user[field.field][[request]]
    for field in fields.of("history"):
        side = log.side.get(field.field)
        values[field.name] = behaviors[field.field] if side is None else side[behaviors["item_id"]]
    return _example(values, np.zeros(0, np.int64), log.clicked[request])


def _catalog(fields: Fields, log: Log, items: np.ndarray) -> bytes:
    values: dict[str, np.ndarray] = {}
    for field in [*fields.of("user"), *fields.of("context")]:
        values[field.name] = np.zeros(1, np.int64)
    for field in fields.of("history"):
        values[field.name] = np.zeros(0, np.int64)
    return _example(values | _of_items(fields, log, items), log.items - items, np.zeros(len(items)))


def _of_items(fields: Fields, log: Log, items: np.ndarray) -> dict[str, np.ndarray]:
    sides = log.side | {"item_id": np.arange(log.items)}
    values: dict[str, np.ndarray] = {}
    for field in fields.of("candidate"):
        values[field.name] = sides[field.field][items]
    return values


def _example(values: dict[str, np.ndarray], events: np.ndarray, clicked: np.ndarray) -> bytes:
    features = {name: _integers(value) for name, value in values.items()}
    features[TRAINING_EVENTS] = _integers(events)
    features[label_name("click")] = tf.train.Feature(float_list=tf.train.FloatList(value=clicked))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _integers(values: np.ndarray) -> Any:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _write(path: Path, records: Iterable[bytes]) -> None:
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for record in records:
            writer.write(record)
