"""The transform graph on a dozen records: every index by hand, and each side alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from preprocessing.features import (
    TRAINING_EVENTS,
    candidate_inputs,
    model_features,
    needs_item_keys,
    record_features,
    user_inputs,
)
from preprocessing.kinds.numeric import Numeric
from preprocessing.spec import DatasetSpec
from tests.testing_trainer import Raw, toy_spec, transform_raws

pytestmark = pytest.mark.slow

NAN = float("nan")
MONDAY = 4 * 86_400  # 5 January 1970, midnight
NOW = MONDAY + 86_400 + 13 * 3600 + 59 * 60  # Tuesday, 13:59
LONGEST_GAP = 10 * 365 * 86_400

CATALOG: Raw = {
    "candidate_item_id": ["d", "b", "a", "e", "c"],
    TRAINING_EVENTS: [0, 9, 2, 0, 5],
    "candidate_tags": ["x|y|z", "x", "y|x", "", "x"],
    "candidate_brand": ["p", "q", "q", "", "q"],
    "candidate_price": [1.0, 2.0, 3.0, NAN, 4.0],
}
ITEM = {"b": 1, "c": 2, "a": 3}  # by training events; then d and e, which have none
# Ten requests of one candidate each, so that quantiles and frequencies are known.
TRAIN: list[Raw] = []
for age in range(1, 11):
    TRAIN.append(
        {
            "user_age": float(age),
            "user_gender": "f" if age < 7 else "m",
            "user_interests": "art|chess" if age < 3 else "art",
            "context_device": "phone" if age < 10 else "rare",
            "timestamp": MONDAY,
            "candidate_item_id": ["a"],
            "candidate_tags": ["x"],
            "candidate_brand": [""],
            "candidate_price": [NAN],
            "label_click": [1.0],
            "label_buy": [0.0],
        }
    )
PROBE: Raw = {  # of a split that is transformed and not analysed
    "user_age": 10.0,
    "user_gender": "unheard of",
    "user_interests": "chess||art|art",
    "context_device": "rare",
    "timestamp": NOW,
    "history_item_id": ["a", "zzz", "b"],
    "history_timestamp": [NOW - LONGEST_GAP * 2, NOW - 60, NOW + 5],
    "history_tags": ["y|x|z", "", "z|w"],
    "history_brand": ["q", "", "unknown"],
    "history_price": [NAN, 1.0, 3.0],  # 3.0 is below the median if histories are counted
    "history_action": ["view", "buy", ""],
    "candidate_item_id": ["c", "new"],
    "candidate_tags": ["", "x"],
    "candidate_brand": ["p", "q"],
    "candidate_price": [-5.0, NAN],
    "label_click": [1.0, 0.0],
    "label_buy": [0.0, 0.0],
}
PRETRAIN: Raw = {
    "history_item_id": ["zzz", "zzz", "b"],
    "history_timestamp": [1, 2, 3],
    "history_tags": ["w", "w", "w"],
    "history_brand": ["only here"] * 3,
    "history_price": [50.0, 50.0, 50.0],
    "history_action": ["view", "view", "buy"],
    "timestamp": MONDAY,
    "user_age": NAN,
}


@pytest.fixture(scope="module")
def spec() -> DatasetSpec:
    features = toy_spec().features.model_dump(exclude={"statistics"})
    features["context"]["device"]["min_count"] = 2
    return toy_spec(features=features)


@pytest.fixture(scope="module")
def folder(spec: DatasetSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("transform")
    splits = {"catalog": [CATALOG], "train": TRAIN, "pretrain": [PRETRAIN], "validation": [PROBE]}
    transform_raws(spec, splits, path)
    return path


@pytest.fixture(scope="module")
def output(folder: Path) -> Any:
    return tft.TFTransformOutput(str(folder / "graph"))


@pytest.fixture(scope="module")
def probe(folder: Path, output: Any) -> dict[str, Any]:
    """The transformed values of PROBE by name, read back from the file."""
    return _read(folder, output, "validation")


def _read(folder: Path, output: Any, split: str) -> dict[str, Any]:
    files = tf.data.TFRecordDataset(tf.io.gfile.glob(str(folder / f"{split}-*.gz")), "GZIP")
    parsed = tf.io.parse_example(
        [record.numpy() for record in files], output.transformed_feature_spec()
    )
    return {name: value[0].numpy().tolist() for name, value in parsed.items()}


def test_items_share_one_vocabulary_in_order_of_training_events(
    probe: dict[str, Any], output: Any
) -> None:
    assert output.vocabulary_by_name("item_id")[:3] == [b"b", b"c", b"a"]
    assert sorted(output.vocabulary_by_name("item_id")[3:]) == [b"d", b"e"]
    assert (probe["history_item_id"][0], probe["history_item_id"][2]) == (ITEM["a"], ITEM["b"])
    assert probe["candidate_item_id"][0] == ITEM["c"]


def test_unknown_items_share_the_two_buckets_behind_the_vocabulary(probe: dict[str, Any]) -> None:
    assert {probe["history_item_id"][1], probe["candidate_item_id"][1]} <= {6, 7}


def test_item_keys_tell_apart_what_the_vocabulary_does_not(
    probe: dict[str, Any], output: Any
) -> None:
    layer = output.transform_features_layer()
    asked = tf.ragged.constant([["a", "zzz", "new", "", "a"]])
    keys = layer({"candidate_item_id": asked})["candidate_item_key"].to_list()[0]
    assert keys[0] == keys[4] == probe["history_item_key"][0]
    assert keys[1] == probe["history_item_key"][1]
    assert keys[2] == probe["candidate_item_key"][1]
    assert keys[3] == 0 and len(set(keys)) == 4
    assert all(0 <= key < 2**31 for key in keys)


def test_item_keys_are_made_only_where_items_are_matched() -> None:
    described = toy_spec().features.model_dump(exclude={"match"})
    assert not needs_item_keys(toy_spec(features=described))
    assert not needs_item_keys(toy_spec(features=described | {"match": {"brand": {}}}))
    assert needs_item_keys(
        toy_spec(features=described | {"match": {"both": {"fields": ["brand", "item_id"]}}})
    )


def test_categories_are_counted_where_items_are_shown(probe: dict[str, Any], output: Any) -> None:
    assert output.vocabulary_by_name("item_brand") == [b"q", b"p"]  # not the brands of histories
    assert probe["history_brand"] == [1, 0, 3]
    assert probe["candidate_brand"] == [2, 1]


def test_behaviours_count_in_histories(probe: dict[str, Any], output: Any) -> None:
    assert output.vocabulary_by_name("behavior_action") == [b"view", b"buy"]
    assert probe["history_action"] == [1, 2, 0]


def test_rare_and_unknown_values_fall_in_the_bucket_behind_the_vocabulary(
    probe: dict[str, Any], output: Any
) -> None:
    assert output.vocabulary_by_name("user_gender") == [b"f", b"m"]
    assert probe["user_gender"] == 3
    assert output.vocabulary_by_name("context_device") == [
        b"phone"
    ]  # "rare" came once, and min_count is 2
    assert probe["context_device"] == 2


def test_multivalent_values_are_cut_and_padded_to_max_values(
    probe: dict[str, Any], output: Any
) -> None:
    assert output.vocabulary_by_name("item_tags")[:2] == [b"x", b"y"]  # then z
    assert probe["history_tags"] == [2, 1, 0, 0, 3, 4]
    assert probe["candidate_tags"] == [0, 0, 1, 0]
    assert output.vocabulary_by_name("user_interests") == [b"art", b"chess"]
    assert probe["user_interests"] == [2, 0]


def test_numbers_fall_in_quantile_buckets_and_nan_is_absent(
    probe: dict[str, Any], folder: Path, output: Any, spec: DatasetSpec
) -> None:
    assert probe["user_age"] == 2
    assert probe["history_price"] == [0, 1, 2] and probe["candidate_price"] == [1, 0]
    ages = [_age(output, spec, float(age)) for age in (-100, 1, 4, 8, 10, 1000)]
    assert ages == [1, 1, 1, 2, 2, 2]
    assert _age(output, spec, NAN) == _read(folder, output, "pretrain")["user_age"] == 0


def _age(output: Any, spec: DatasetSpec, age: float) -> int:
    return int(output.transform_features_layer()({"user_age": tf.constant([age])})["user_age"][0])


def test_numbers_are_standardised_on_their_scale(
    probe: dict[str, Any], folder: Path, output: Any
) -> None:
    ages = np.log1p(np.arange(1, 11))  # of TRAIN; those of the catalogue are absent
    assert probe["user_age_NUMBER"] == pytest.approx(
        (np.log1p(10) - ages.mean()) / ages.std(), abs=1e-5
    )
    prices = np.log1p([1, 2, 3, 4])  # candidates': history's don't count
    expected = (np.array([0, np.log1p(1), np.log1p(3)]) - prices.mean()) / prices.std()
    np.testing.assert_allclose(probe["history_price_NUMBER"], [0, *expected[1:]], atol=1e-5)
    below = (
        -np.log1p(5) - prices.mean()
    ) / prices.std()  # the index tells an absent one from one at the mean
    np.testing.assert_allclose(probe["candidate_price_NUMBER"], [max(below, -6.0), 0], atol=1e-5)
    assert _number(output, 1e30) == 6.0 and _number(output, -1e30) == -6.0
    assert _number(output, NAN) == _read(folder, output, "pretrain")["user_age_NUMBER"] == 0.0


def _number(output: Any, age: float) -> float:
    return float(
        output.transform_features_layer()({"user_age": tf.constant([age])})["user_age_NUMBER"][0]
    )


@pytest.mark.parametrize(
    ("scale", "value", "scaled"),
    [
        ("log", 9.0, math.log(10)),
        ("log", -9.0, -math.log(10)),
        ("linear", -9.0, -9.0),
        ("logit", 0.75, math.log(3)),
        ("logit", 1.0, math.log(9_999)),
        ("logit", 0.0, -math.log(9_999)),
    ],
)
def test_scales_of_numbers(scale: str, value: float, scaled: float) -> None:
    kind = Numeric(kind="numeric", scale=scale)
    assert kind._scaled(tf.constant([value])).numpy()[0] == pytest.approx(scaled, rel=1e-3)


def test_time_gaps_fall_in_logarithmic_buckets(probe: dict[str, Any]) -> None:
    minute = int(math.log1p(60) / math.log1p(LONGEST_GAP) * 8) + 1
    assert probe["history_gap"] == [8, minute, 1] and minute == 2


@pytest.mark.parametrize(
    ("timestamp", "hour", "weekday"),
    [
        (0, 1, 4),  # 1 January 1970 was a Thursday
        (MONDAY - 1, 24, 7),
        (MONDAY, 1, 1),
        (NOW, 14, 2),
        (1_700_000_000, 23, 2),  # Tuesday, 14 November 2023, 22:13:20
    ],
)
def test_hours_and_weekdays_are_utc(output: Any, timestamp: int, hour: int, weekday: int) -> None:
    outputs = output.transform_features_layer()({"timestamp": tf.constant([timestamp], tf.int64)})
    assert (int(outputs["context_hour"][0]), int(outputs["context_weekday"][0])) == (hour, weekday)


def test_labels_and_training_events_pass_unchanged(
    probe: dict[str, Any], folder: Path, output: Any
) -> None:
    assert probe["label_click"] == [1.0, 0.0] and probe["label_buy"] == [0.0, 0.0]
    assert probe[TRAINING_EVENTS] == []
    assert _read(folder, output, "catalog")[TRAINING_EVENTS] == CATALOG[TRAINING_EVENTS]


def test_records_without_history_or_candidates_give_empty_lists(folder: Path, output: Any) -> None:
    assert _read(folder, output, "catalog")["history_tags"] == []
    assert _read(folder, output, "pretrain")["candidate_item_id"] == []


@pytest.mark.parametrize("side", ["user", "candidate"])
def test_each_side_alone_gives_exactly_its_own_outputs(
    spec: DatasetSpec, output: Any, side: str
) -> None:
    whole = _transformed(spec, output, record_features(spec))
    alone = _transformed(
        spec, output, user_inputs(spec) if side == "user" else candidate_inputs(spec)
    )
    sides = {"candidate"} if side == "candidate" else {"user", "context", "history"}
    keys = {f"{side}_item_key" for side in sides & {"history", "candidate"}}
    own = [feature for feature in model_features(spec) if feature.side in sides]
    numbers = {feature.number for feature in own if feature.number}
    assert set(alone) == {feature.name for feature in own} | numbers | keys
    for name, value in alone.items():
        np.testing.assert_array_equal(_flat(value), _flat(whole[name]), err_msg=name)


def _transformed(spec: DatasetSpec, output: Any, features: Any) -> dict[str, Any]:
    """What the layer makes of PROBE's `features`, given as serving gives them."""
    raw = {}
    for feature in features:
        if feature.is_list:
            values = _tensor(feature, [PROBE.get(feature.name, [])])
            raw[feature.name] = tf.RaggedTensor.from_tensor(values)
        else:
            raw[feature.name] = _scalar(feature)
    outputs: dict[str, Any] = output.transform_features_layer()(raw)
    return outputs


def _scalar(feature: Any) -> tf.Tensor:
    return _tensor(feature, [PROBE.get(feature.name, 0 if feature.dtype == "int64" else "")])


def _tensor(feature: Any, values: Any) -> tf.Tensor:
    return tf.constant(values, {"float": tf.float32}.get(feature.dtype, feature.dtype))


def _flat(value: Any) -> Any:
    return value.flat_values if isinstance(value, tf.RaggedTensor) else value
