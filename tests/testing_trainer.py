"""Shared helpers for the trainer's tests: a toy data set, raw and indexed, and its way through the
transform graph."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import schema_utils
from tfx_bsl.coders import example_coder
from tfx_bsl.tfxio import tensor_to_arrow, tf_example_record

from preprocessing.features import (
    CANDIDATE_ITEM_ID,
    CANDIDATE_ITEM_KEY,
    HISTORY_ITEM_ID,
    HISTORY_ITEM_KEY,
    STATISTIC_LINES,
    TRAINING_EVENTS,
    USER_STATISTICS,
    RecordFeature,
    candidate_inputs,
    model_features,
    record_features,
)
from preprocessing.schema import build_schema
from preprocessing.spec import DatasetSpec
from preprocessing.statistics.as_of import AsOf
from preprocessing.statistics.text import table_line
from preprocessing.transform import preprocessing_fn
from trainer.catalog import ItemCatalog
from trainer.fields import Field, Fields, with_matches

Raw = dict[str, Any]
ANALYSED = ("pretrain", "train", "catalog")
START = 1_600_000_000
NAN = float("nan")
_ABSENT = {"string": "", "int64": 0, "float": NAN}


def toy_spec(**changes: Any) -> DatasetSpec:
    """A spec with every kind of feature on every side, matches and statistics, histories of 4, and
    two tasks."""
    content: Raw = {
        "name": "toy",
        "events": {"format": "csv", "path": "events.csv"},
        "features": {
            "user": {
                "age": {"kind": "numeric", "buckets": 2},
                "gender": {"kind": "categorical"},
                "interests": {"kind": "multivalent", "max_values": 2},
            },
            "item": {
                "tags": {"kind": "multivalent", "max_values": 2},
                "brand": {"kind": "categorical"},
                "price": {"kind": "numeric", "buckets": 2},
            },
            "behavior": {
                "action": {"kind": "categorical"},
                "gap": {"kind": "time_gap", "buckets": 8},
            },
            "context": {
                "device": {"kind": "categorical"},
                "hour": {"kind": "hour_of_day"},
                "weekday": {"kind": "day_of_week"},
            },
            "match": {
                "item_id": {},
                "brand": {},
                "late_tags": {"fields": ["tags"], "last": 2, "by": "action", "values": 2},
            },
            "statistics": {
                "brand": {"windows": ["all"]},
                "item_id": {"counts": ["events"], "windows": ["1d"]},
                "met": {"of": ["user", "item_id"], "counts": ["events"], "windows": ["all"]},
                "user": {"counts": ["events"], "windows": ["all"]},
            },
        },
        "history": {"length": 4},
        "tasks": {
            "click": {"column": "clicked", "equals": 1},
            "buy": {"column": "bought", "equals": 1},
        },
        "item_oov_buckets": 2,
    }
    return DatasetSpec.model_validate(content | changes)


@contextlib.contextmanager
def eagerly() -> Iterator[None]:
    """Trains without graphs, whose tracing takes longer than the few steps of a test."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def toy_fields(spec: DatasetSpec | None = None, items: int = 12, size: int = 7) -> Fields:
    """Fields of a spec (the toy one), with `items` item indices and `size` indices of every other
    field."""
    spec = spec or toy_spec()
    sized: list[Field] = []
    for feature in model_features(spec):
        sized.append(Field(feature, items if feature.field == "item_id" else size))
    return with_matches(sized, spec)


def no_catalog(fields: Fields) -> ItemCatalog:
    """A catalogue that knows nothing of any item."""
    return ItemCatalog(
        {},
        np.zeros(next(field.size for field in fields.item if field.field == "item_id"), np.int64),
    )


def random_features(
    fields: Fields,
    lengths: Sequence[int],
    candidates: int = 3,
    seed: int = 0,
    columns: int | None = None,
) -> dict[str, tf.Tensor]:
    """Random indices; row b's history has `lengths[b]` behaviours, then padding up to `columns`."""
    rng = np.random.default_rng(seed)
    batch, columns = len(lengths), max(*lengths, 1) if columns is None else columns
    real = np.arange(columns) < np.array(lengths)[:, None]
    shapes = {
        "user": (batch,),
        "context": (batch,),
        "history": (batch, columns),
        "candidate": (batch, candidates),
    }
    features = {}
    for field in fields.all:
        shape = shapes[field.feature.side] + (field.width,) * field.multivalent
        values = rng.integers(field.field == "item_id", field.size, shape)
        if field.feature.side == "history":
            values = values * real.reshape(real.shape + (1,) * field.multivalent)
        features[field.name] = tf.constant(values, tf.int64)
        if field.number is not None:
            numbers = np.where(values > 0, rng.normal(size=shape), 0.0)
            features[field.number] = tf.constant(numbers, tf.float32)
    if fields.has_item_keys:
        features[HISTORY_ITEM_KEY] = features[HISTORY_ITEM_ID]
        features[CANDIDATE_ITEM_KEY] = features[CANDIDATE_ITEM_ID]
    return features


def pad_axis(
    features: Mapping[str, tf.Tensor], side: str, before: int = 0, after: int = 0
) -> dict[str, tf.Tensor]:
    """`features` with zeros put before and after the second axis of one side."""
    padded = dict(features)
    for name, x in features.items():
        if name.startswith(f"{side}_"):
            padded[name] = tf.pad(x, [[0, 0], [before, after], [0, 0]][: x.shape.rank])
    return padded


def raw_records(spec: DatasetSpec, count: int, seed: int = 0, items: int = 8) -> list[Raw]:
    """Random raw records of 0 to L behaviours and 1 to 4 candidates, with absent values here and
    there."""
    rng = np.random.default_rng(seed)
    return [_raw_record(spec, rng, items, number) for number in range(count)]


def catalog_record(spec: DatasetSpec, seed: int = 0, items: int = 8) -> Raw:
    """The record of split `catalog`: items i0 (the most frequent) to i<n>, the last one without
    events."""
    rng = np.random.default_rng(seed)
    values: dict[str, list[Any]] = {}
    for feature in candidate_inputs(spec):
        if feature.statistic:
            values[feature.name] = [NAN] * items
        else:
            values[feature.name] = [_value(feature, rng) for _ in range(items)]
    ids = [f"i{n}" for n in range(items)]
    if spec.features.statistics:  # those of `toy_spec`, whose items have brands
        table = statistics_table(values["candidate_brand"])
        values[STATISTIC_LINES] = [line_of(key, value) for key, value in table.items()]
    return values | {
        "candidate_item_id": ids,
        TRAINING_EVENTS: [3 * (items - 1 - n) for n in range(items)],
    }


def statistics_table(brands: Sequence[str]) -> dict[tuple[str, str, str], Sequence[float] | str]:
    """The statistics table of `toy_spec` for items of these brands: numbers, or a brand, by what
    they belong to."""
    table: dict[tuple[str, str, str], Sequence[float] | str] = {
        ("of", "brand", ""): [0, 0, 0, 0.25, 0.125],  # events, positives and rates of two tasks
        ("of", "brand", "p"): [9, 3, 1, 0.3, 0.15],
        ("of", "brand", "q"): [4, 4, 0, 0.5, 0.1],
        ("of", "met", ""): [0],
        ("of", "user", ""): [0],
        ("of", "item_id", ""): [0],
        ("about", "", ""): AsOf(START, 18).to_json(),
    }
    table |= {("of", "item_id", f"i{n}"): [n + 1] for n in range(len(brands) - 1)}
    return table | {("item", "brand", f"i{n}"): brand for n, brand in enumerate(brands) if brand}


def line_of(key: tuple[str, ...], value: Sequence[float] | str) -> bytes:
    """A line of the statistics table."""
    return table_line(
        key, value.encode() if isinstance(value, str) else np.array(value, "<f4").tobytes()
    )


def _raw_record(spec: DatasetSpec, rng: Any, items: int, number: int) -> Raw:
    now = START + int(rng.integers(0, 10**6))
    length = int(rng.integers(0, spec.history.length + 1))
    candidates = int(rng.integers(1, 5))
    counts = {"history": length, "candidate": candidates, "label": candidates, "catalog": 0}
    raw: Raw = {}
    for feature in record_features(spec):
        if feature.is_list:
            raw[feature.name] = [_value(feature, rng) for _ in range(counts[feature.side])]
        elif feature.spec is not None:
            raw[feature.name] = _value(feature, rng)
    for name in (HISTORY_ITEM_ID, CANDIDATE_ITEM_ID):
        raw[name] = [f"i{n}" for n in rng.integers(0, items, len(raw[name]))]
    raw["history_timestamp"] = sorted(now - int(gap) for gap in rng.integers(1, 10**6, length))
    if spec.statistics_of_users_items:
        raw[USER_STATISTICS] = ""
    return raw | {"request_id": f"r{number}", "user_id": f"u{number}", "timestamp": now}


def _value(feature: RecordFeature, rng: Any) -> Any:
    if feature.side == "label":
        return float(rng.integers(2))
    if feature.dtype == "float":
        return float(rng.choice([1.0, 2.0, 3.0, NAN]))
    if feature.spec is not None and feature.spec.kind == "multivalent":
        return "|".join(str(value) for value in rng.choice(["x", "y", "z"], rng.integers(0, 4)))
    return str(rng.choice(["p", "q", ""]))


def serialize(spec: DatasetSpec, raw: Raw) -> bytes:
    """A raw tf.Example; a feature that `raw` lacks is absent: "", NaN, 0 or an empty list."""
    example = tf.train.Example()
    for feature in record_features(spec):
        values = raw.get(feature.name, [] if feature.is_list else _ABSENT[feature.dtype])
        flat = np.ravel(values).tolist()
        encoded = [value.encode() if isinstance(value, str) else value for value in flat]
        kind = {"string": "bytes_list", "int64": "int64_list", "float": "float_list"}[feature.dtype]
        getattr(example.features.feature[feature.name], kind).SetInParent()
        getattr(example.features.feature[feature.name], kind).value.extend(encoded)
    return example.SerializeToString()


def dense_inputs(features: Sequence[RecordFeature], raws: Sequence[Raw]) -> dict[str, tf.Tensor]:
    """Raw features as signatures take them: [B], or [B, longest] padded with "", NaN or 0."""
    dense = {}
    for feature in features:
        values = [raw[feature.name] for raw in raws]
        if feature.is_list:
            longest = max(1, *map(len, values))
            padding = [_ABSENT[feature.dtype]] * longest
            values = [[*value, *padding][:longest] for value in values]
        dense[feature.name] = tf.constant(
            values, {"float": tf.float32}.get(feature.dtype, feature.dtype)
        )
    return dense


def transform_raws(spec: DatasetSpec, raws: Mapping[str, Sequence[Raw]], folder: Path) -> None:
    """`run_transform` of records that aren't serialised yet, by split."""
    records: dict[str, list[bytes]] = {}
    for split, of_split in raws.items():
        records[split] = [serialize(spec, raw) for raw in of_split]
    run_transform(spec, records, folder)


def run_transform(spec: DatasetSpec, records: Mapping[str, Sequence[bytes]], folder: Path) -> None:
    """What TFX's Transform does with raw records by split: `folder`/graph, and
    `folder`/<split>-*.gz.

    Beam analyses them. The graph that comes of it, loaded once, then transforms every split: Beam
    would take several times as long, to load it anew for each.
    """
    analysed: list[bytes] = []
    for split in ANALYSED:
        analysed += records.get(split, [])
    _analyse(spec, analysed, folder)
    output = tft.TFTransformOutput(str(folder / "graph"))
    layer = output.transform_features_layer()
    features = schema_utils.schema_as_feature_spec(build_schema(spec)).feature_spec
    encoder = example_coder.RecordBatchToExamplesEncoder(output.transformed_metadata.schema)
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    for split, examples in records.items():
        path = str(folder / f"{split}-00000-of-00001.gz")
        with tf.io.TFRecordWriter(path, options) as writer:
            if examples:
                raw = tf.io.parse_example(list(examples), features)
                for example in encoder.encode(_record_batch(layer(raw))):
                    writer.write(example)


def _analyse(spec: DatasetSpec, examples: list[bytes], folder: Path) -> None:
    """Writes the transform graph."""
    reader = tf_example_record.TFExampleBeamRecord(
        physical_format="inmem", schema=build_schema(spec)
    )
    function = functools.partial(preprocessing_fn, custom_config={"spec": spec.model_dump_json()})
    with beam.Pipeline("FnApiRunner") as pipeline, tft_beam.Context(temp_dir=str(folder / "temp")):
        batches = pipeline | beam.Create(examples) | reader.BeamSource()
        graph = (batches, reader.TensorAdapterConfig()) | tft_beam.AnalyzeDataset(function)
        _ = graph | tft_beam.WriteTransformFn(str(folder / "graph"))


def _record_batch(tensors: Mapping[str, Any]) -> Any:
    """Tensors whose first axis is the records'."""
    specs = {name: _of_any_batch(tensor) for name, tensor in tensors.items()}
    return tensor_to_arrow.TensorsToRecordBatchConverter(specs).convert(dict(tensors))


def _of_any_batch(tensor: Any) -> tf.TypeSpec:
    if isinstance(tensor, tf.RaggedTensor):
        return tf.RaggedTensorSpec([None] * tensor.shape.rank, tensor.dtype, tensor.ragged_rank)
    return tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)
