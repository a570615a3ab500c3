"""A log whose right answer is known: pre-trained SRP4CTR finds it in the order of histories; PNN
and DIN can not."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from preprocessing.adapters.planted import HISTORY, planted_rows
from tests.testing_trainer import no_catalog, toy_fields, toy_spec
from trainer.config import TrainerConfig
from trainer.metrics import auc
from trainer.models.fg_bert import FGBert
from trainer.models.srp4ctr import Srp4Ctr
from trainer.pretraining.cloze import ClozeModel
from trainer.pretraining.cloze_config import ClozeConfig
from trainer.pretraining.masking import mask_history
from trainer.registry import create_ranker

pytestmark = pytest.mark.slow

ITEMS = 30
TASK = {"click": {"column": "clicked", "equals": 1}}
SPEC = toy_spec(features={}, history={"length": HISTORY}, tasks=TASK)
FIELDS = toy_fields(SPEC, items=ITEMS + 1)


@pytest.fixture(scope="module")
def requests() -> dict[str, np.ndarray]:
    """Histories [R, HISTORY], candidates [R, 4] and labels [R, 4] of all requests; items are
    counted from 1."""
    seen: dict[str, list[int]] = defaultdict(list)
    asked: dict[str, list[tuple[int, int]]] = defaultdict(list)
    histories = {}
    for user, item, _, request, shown, clicked in planted_rows(
        users=500, items=ITEMS, steps=40, seed=3
    ):
        index = int(item[1:]) + 1
        if shown:
            histories[request] = seen[user][-HISTORY:]
            asked[request].append((index, clicked))
        else:
            seen[user].append(index)
    candidates = np.array(list(asked.values()))
    return {
        "history": np.array([*histories.values()]),
        "items": candidates[..., 0],
        "labels": candidates[..., 1],
    }


def _test_auc(requests: dict[str, np.ndarray], model: str, pretrain: bool = False) -> float:
    """AUC on the last fifth of the requests, which are of other users than the first four
    fifths."""
    keras.utils.set_random_seed(1)
    own: dict[str, Any] = {"bst": {"dropout": 0.0}} if model == "bst" else {}
    config = TrainerConfig.model_validate(
        {
            "encoder": {"dim": 32, "heads": 2, "layers": 1, "feedforward": 64, "dropout": 0.0},
            "ranker": {"model": model, "embedding_dim": 16, "dropout": 0.0} | own,
        }
    )
    cut = len(requests["history"]) * 4 // 5
    ranker = create_ranker(FIELDS, config)
    ranker(_features(requests, slice(0, 2)))
    if pretrain:
        assert isinstance(ranker, Srp4Ctr) and ranker.encoder is not None
        _pretrain(ranker.encoder, requests["history"][:cut], config)
        ranker.start_from_encoder()
    batches = [_batch(requests, slice(i, i + 64)) for i in range(0, cut - 64, 64)]
    stacked = tf.nest.map_structure(lambda *parts: tf.stack(parts), *batches)
    ranker.compile(keras.optimizers.Adam(0.003))
    ranker.fit(tf.data.Dataset.from_tensor_slices(stacked), epochs=3, verbose=0)
    return auc(
        requests["labels"][cut:].ravel(),
        ranker(_features(requests, slice(cut, None)))["click"].numpy().ravel(),
    )


def _pretrain(encoder: FGBert, histories: np.ndarray, config: TrainerConfig) -> None:
    assert isinstance(config.pretrain, ClozeConfig)
    model = ClozeModel(encoder, config.pretrain, no_catalog(FIELDS))
    model.compile(keras.optimizers.Adam(0.005))
    batches = []
    for i in range(0, len(histories) - 64, 64):
        features = {"history_item_id": tf.constant(histories[i : i + 64], tf.int64)}
        batches.append(mask_history(features, FIELDS, config.pretrain.masking, tf.constant([i, 1])))
    stacked = tf.nest.map_structure(lambda *parts: tf.stack(parts), *batches)
    model.fit(tf.data.Dataset.from_tensor_slices(stacked), epochs=4, verbose=0)


def _features(requests: dict[str, np.ndarray], rows: slice) -> dict[str, tf.Tensor]:
    names = {"history_item_id": "history", "candidate_item_id": "items"}
    return {feature: tf.constant(requests[name][rows], tf.int64) for feature, name in names.items()}


def _batch(requests: dict[str, np.ndarray], rows: slice) -> tuple[Any, Any, Any]:
    labels = tf.constant(requests["labels"][rows], tf.float32)
    return _features(requests, rows), {"click": labels}, {"click": tf.ones_like(labels)}


def test_the_log_gives_its_answer_away_by_order_alone(requests: dict[str, np.ndarray]) -> None:
    history = requests["history"]
    items = requests["items"]
    right = requests["labels"] == 1
    assert len(history) > 1000 and (right.sum(1) == 1).all()
    assert not (items[:, :, None] == history[:, None]).any(), "a candidate is in the history"
    follows = {(last, item) for last, item in zip(history[:, -1], items[right], strict=True)}
    assert len(follows) == len({last for last, _ in follows}), "an item has one successor"
    before = {item: last for last, item in follows}
    for row, shown in zip(history, items, strict=True):
        assert all(before[item] in row for item in shown)


def test_pretrained_srp4ctr_finds_it(requests: dict[str, np.ndarray]) -> None:
    assert _test_auc(requests, "srp4ctr", pretrain=True) > 0.9


@pytest.mark.parametrize("model", ["pnn", "din"])
def test_order_blind_models_do_not(requests: dict[str, np.ndarray], model: str) -> None:
    assert abs(_test_auc(requests, model) - 0.5) < 0.05
