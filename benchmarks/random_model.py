"""A ranker with random weights on a made-up data set, for measurements.

It goes through the real transform graph and export.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from benchmarks.tiled_ranker import TiledRanker
from preprocessing.features import (
    CATALOG_ITEMS_A_RECORD,
    TRAINING_EVENTS,
    candidate_inputs,
    user_inputs,
)
from preprocessing.spec import DatasetSpec
from serving.contract import ENCODE_USER, SCORE_ITEMS
from tests.testing_trainer import (
    START,
    Raw,
    catalog_record,
    random_features,
    raw_records,
    run_transform,
    serialize,
)
from trainer.config import EncoderConfig, ExportConfig, TrainerConfig
from trainer.export.assembly import serving_module
from trainer.export.input_checks import checked
from trainer.export.manifest import write_manifest
from trainer.export.saved_model import export
from trainer.export.serving_module import ServingModule, dtype_of
from trainer.export.signatures import build_signatures
from trainer.export.warmup import write_warmup
from trainer.inputs import StageInputs
from trainer.models.din_config import DinConfig
from trainer.models.ranker import Ranker
from trainer.models.srp4ctr import Srp4Ctr
from trainer.models.srp4ctr_config import Srp4CtrConfig
from trainer.models.unfolded_din import UnfoldedDin
from trainer.registry import create_ranker

# Benchmark-only signatures with the inputs and outputs of `predict`.
TILED = "benchmark_tiled"
UNFOLDED_DIN = "benchmark_unfolded_din"

LENGTH = 200
WIDTH = 64
ITEMS = 10_000


def spec() -> DatasetSpec:
    """Four history fields of 16 give behaviours of width 64; two tasks."""
    return DatasetSpec.model_validate(
        {
            "name": "random",
            "events": {"format": "csv", "path": "events.csv"},
            "features": {
                "user": {
                    "age": {"kind": "numeric", "buckets": 8},
                    "gender": {"kind": "categorical"},
                },
                "item": {"category": {"kind": "categorical"}, "brand": {"kind": "categorical"}},
                "behavior": {"action": {"kind": "categorical"}},
                "context": {"device": {"kind": "categorical"}, "hour": {"kind": "hour_of_day"}},
            },
            "history": {"length": LENGTH},
            "tasks": {
                "click": {"column": "clicked", "equals": 1},
                "buy": {"column": "bought", "equals": 1},
            },
        }
    )


def config() -> TrainerConfig:
    """The encoder is as wide as a behaviour: two layers of 64; four experts."""
    return TrainerConfig(
        encoder=EncoderConfig(dim=WIDTH, layers=2, heads=2, feedforward=4 * WIDTH),
        ranker=Srp4CtrConfig(embedding_dim=WIDTH // 4, experts=4),
        export=ExportConfig(),
    )


def stage_inputs(folder: Path, items: int = ITEMS) -> StageInputs:
    """The transform graph and catalogue of a random log, written to `folder`."""
    the_spec = spec()
    raws = {"pretrain": raw_records(the_spec, 8), "catalog": _catalog(the_spec, items)}
    records = {}
    for split, of_split in raws.items():
        records[split] = [serialize(the_spec, raw) for raw in of_split]
    run_transform(the_spec, records, folder)
    return written_inputs(folder)


def written_inputs(folder: Path) -> StageInputs:
    """What `stage_inputs` left in a folder."""
    train = [str(folder / "pretrain-*.gz")]
    catalog = [str(folder / "catalog-*.gz")]
    return StageInputs(train, train, catalog, str(folder / "graph"), spec(), config())


def _catalog(the_spec: DatasetSpec, items: int) -> list[Raw]:
    """The catalogue in records of as many items as the data job's have.

    Item i0 is the most frequent one. All records have the same side information: to draw it for
    each item of a million takes longer than to export them.
    """
    one = catalog_record(the_spec, items=CATALOG_ITEMS_A_RECORD)
    records = []
    for start in range(0, items, CATALOG_ITEMS_A_RECORD):
        numbers = range(start, min(start + CATALOG_ITEMS_A_RECORD, items))
        record: Raw = {}
        for name, values in one.items():
            record[name] = values[: len(numbers)]
        record["candidate_item_id"] = [f"i{number}" for number in numbers]
        record[TRAINING_EVENTS] = [3 * (items - 1 - number) for number in numbers]
        records.append(record)
    return records


def export_ranker(inputs: StageInputs, path: Path, seed: int = 1) -> None:
    """Writes a ranker alone, as training exports it."""
    export(_ranker(inputs, seed), inputs, str(path))


def signatures(folder: Path) -> dict[str, Any]:
    """The two halves of a ranker that is not exported: `encode_user` and `score_items`."""
    inputs = stage_inputs(folder)
    built = build_signatures(serving_module(_ranker(inputs, seed=1), inputs))
    return {name: built[name] for name in (ENCODE_USER, SCORE_ITEMS)}


def export_versions(inputs: StageInputs, model_dir: Path, seeds: tuple[int, ...] = (1,)) -> None:
    """Writes `model_dir`/1, /2, ...: a ranker per seed.

    Beside its signatures each has those that it is measured against.
    """
    for version, seed in enumerate(seeds, start=1):
        _export(inputs, model_dir / str(version), seed)


def random_user(
    rng: np.random.Generator, length: int = LENGTH, items: int = ITEMS
) -> dict[str, Any]:
    """A user's raw features as the client takes them, with `length` behaviours."""
    now = START + int(rng.integers(0, 10**6))
    return {
        "user_id": f"u{rng.integers(10**9)}",
        "user_age": float(rng.integers(1, 4)),
        "user_gender": str(rng.choice(["p", "q"])),
        "context_device": str(rng.choice(["p", "q"])),
        "timestamp": now,
        "history_item_id": random_items(rng, length, items),
        "history_timestamp": sorted(now - int(gap) for gap in rng.integers(1, 10**6, length)),
        "history_action": rng.choice(["p", "q"], length).tolist(),
        "history_category": [""] * length,
        "history_brand": [""] * length,
    }


def random_users(rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
    """Users as of `random_user`, with histories of any length."""
    users: list[dict[str, Any]] = []
    for _ in range(count):
        length = int(rng.integers(LENGTH + 1))
        users.append(random_user(rng, length))
    return users


def random_items(rng: np.random.Generator, count: int, items: int = ITEMS) -> list[str]:
    """Item ids of a catalogue of `items`."""
    return [f"i{item}" for item in rng.integers(0, items, count)]


def _export(inputs: StageInputs, path: Path, seed: int) -> None:
    ranker, unfolded = _rankers(inputs, seed)
    module = serving_module(ranker, inputs)
    unfolded_module = _with_graph_of(module, unfolded)
    tiled_module = _with_graph_of(module, TiledRanker(ranker))
    signatures = build_signatures(module)
    rivals = {TILED: _predict(tiled_module), UNFOLDED_DIN: _predict(unfolded_module)}
    module.rivals = [unfolded_module, tiled_module]
    tf.saved_model.save(module, str(path), signatures=signatures | rivals)
    write_warmup(module, signatures, os.fspath(path))
    write_manifest(os.fspath(path))


def _ranker(inputs: StageInputs, seed: int) -> Ranker:
    keras.utils.set_random_seed(seed)
    fields = inputs.fields()
    ranker = create_ranker(fields, inputs.config)
    ranker(random_features(fields, [3]))
    return ranker


def _rankers(inputs: StageInputs, seed: int) -> tuple[Ranker, Ranker]:
    keras.utils.set_random_seed(seed)
    fields = inputs.fields()
    ranker = inputs.config.ranker
    assert isinstance(ranker, Srp4CtrConfig)
    as_large = DinConfig(embedding_dim=ranker.embedding_dim, experts=ranker.experts)
    encoder = inputs.config.encoder
    rankers = (Srp4Ctr(fields, ranker, encoder), UnfoldedDin(fields, as_large, encoder))
    for each in rankers:
        each(random_features(fields, [3]))
    return rankers


def _predict(module: ServingModule) -> Any:
    """A concrete function with the inputs, and the checks, of signature `predict`."""
    specs: dict[str, tf.TensorSpec] = {}
    for feature in user_inputs(module.spec) + candidate_inputs(module.spec):
        shape = [None] * (1 + feature.is_list)
        specs[feature.name] = tf.TensorSpec(shape, dtype_of(feature), name=feature.name)
    limits = {"history": LENGTH, "candidate": 1000}
    function = tf.function(lambda **raw: module.predict(**checked(raw, limits)), autograph=False)
    return function.get_concrete_function(**specs)


def _with_graph_of(module: ServingModule, ranker: Ranker) -> ServingModule:
    return ServingModule(
        ranker,
        module.transform,
        module.catalog,
        module.spec,
        module.fields,
        module.codec,  # of the module's own ranker: `predict` makes no state
        module.description,
        module.statistics,
    )
