"""The SavedModel: the contract's names, parity with the Keras model on raw examples, and refusal of
bad requests."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tfx_bsl.public.beam import RunInference
from tfx_bsl.public.proto import model_spec_pb2

from preprocessing.features import candidate_inputs, user_inputs
from preprocessing.spec import DatasetSpec
from preprocessing.statistics.as_of import AsOf
from preprocessing.statistics.users_items import user_line
from serving import contract
from serving.manifest import check_manifest
from serving.refresh import refresh
from serving.statistics_as_of import statistics_as_of
from tests.testing_trainer import (
    NAN,
    START,
    Raw,
    dense_inputs,
    line_of,
    raw_records,
    serialize,
    statistics_table,
)
from tests.trainer.conftest import Exported, Toy
from trainer.config import TrainerConfig
from trainer.data import densify
from trainer.export.assembly import fingerprint, serving_module
from trainer.export.signatures import EVALUATE
from trainer.export.statistics_table import StatisticsTable
from trainer.export.warmup import candidate_buckets

_BRAND_NUMBERS = ("events", "click", "buy", "click_rate", "buy_rate")
HEADER = 32  # bytes of a state before its numbers
CLOSE: dict[str, Any] = {"rtol": 0, "atol": 1e-5}
Tensors = dict[str, tf.Tensor]


@pytest.fixture(scope="module")
def raws(toy: Toy) -> list[Raw]:
    """Records of the validation split, which no vocabulary has seen, and one of an empty
    history."""
    assert any(not raw["history_item_id"] for raw in toy.raw["validation"])
    return toy.raw["validation"]


@pytest.fixture(scope="module")
def user(toy: Toy, raws: list[Raw]) -> Tensors:
    return dense_inputs(user_inputs(toy.spec), raws)


@pytest.fixture(scope="module")
def candidates(toy: Toy, raws: list[Raw]) -> Tensors:
    return dense_inputs(candidate_inputs(toy.spec), raws)


@pytest.fixture(scope="module")
def states(exported: Exported, user: Tensors) -> tf.Tensor:
    return exported(contract.ENCODE_USER, **user)[contract.USER_STATE]


@pytest.fixture(scope="module")
def expected(exported: Exported, user: Tensors, candidates: Tensors) -> Tensors:
    """The Keras model's probabilities, from raw features by way of training's own steps."""
    logits = exported.ranker(_features(exported, user, candidates))
    present = candidates["candidate_item_id"] != ""
    return {task: tf.where(present, tf.sigmoid(logit), 0.0) for task, logit in logits.items()}


def _features(exported: Exported, *sides: Tensors) -> Tensors:
    """The model's features of a request's sides, each of which has its item ids."""
    raw: Tensors = {}
    inputs = exported.inputs
    table = StatisticsTable(inputs.records().statistic_lines(inputs.catalog), inputs.spec)
    for side in sides:
        side = table.fill_candidates(side) if "candidate_item_id" in side else table.fill_user(side)
        for name, values in side.items():
            raw[name] = values if values.shape.rank == 1 else _without_padding(values, side)
    features = densify(inputs.transform_output().transform_features_layer()(raw), inputs.fields())
    return inputs.records().catalog(inputs.catalog).fill(features)


def _without_padding(x: tf.Tensor, side: Tensors) -> tf.RaggedTensor:
    ids = side.get("history_item_id", side.get("candidate_item_id"))
    return tf.ragged.boolean_mask(x, ids != "")


def _assert_close(scores: Tensors, expected: Tensors) -> None:
    for task in ("click", "buy"):
        np.testing.assert_allclose(scores[task], expected[task], **CLOSE, err_msg=task)


def test_signatures_have_the_names_of_the_contract(exported: Exported) -> None:
    history = ["item_id", "timestamp", "tags", "brand", "price", "action"]
    user = {"user_id", "user_age", "user_gender", "user_interests", "timestamp", "context_device"}
    user |= {f"history_{name}" for name in history}
    items = {f"candidate_{name}" for name in ("item_id", "tags", "brand", "price")}
    items |= {
        "candidate_item_id_1d_events",
        "candidate_met_all_events",
        "candidate_brand_all_events",
    }
    items |= {f"candidate_brand_all_{name}" for name in ("click", "buy", "click_rate", "buy_rate")}
    user |= {"user_user_all_events", "user_statistics"}
    scores = {"click", "buy"}
    names = {
        contract.ENCODE_USER: (user, {"user_state_bytes"}),
        contract.SCORE_ITEMS: ({"user_state_bytes", "candidate_item_id"}, scores),
        contract.SCORE_ITEMS_WITH_FEATURES: ({"user_state_bytes"} | items, scores),
        contract.PREDICT: (user | items, scores),
        contract.SERVING_DEFAULT: ({"examples"}, scores | {"candidate_mask"}),
        contract.ENCODE_USER_EXAMPLES: ({"examples"}, {"user_state_bytes"}),
        contract.DESCRIBE: ({"request"}, {"description"}),
        EVALUATE: ({"examples"}, scores | {"candidate_mask", "popularity"}),
    }
    signatures = exported.loaded.signatures
    assert set(signatures) == set(names)
    for name, (inputs, outputs) in names.items():
        assert set(signatures[name].structured_input_signature[1]) == inputs, name
        assert set(signatures[name].structured_outputs) == outputs, name


def test_predict_equals_the_keras_model(
    exported: Exported, user: Tensors, candidates: Tensors, expected: Tensors
) -> None:
    assert float(tf.math.reduce_std(expected["click"])) > 1e-3
    _assert_close(exported(contract.PREDICT, **user, **candidates), expected)


def test_serving_default_equals_the_keras_model(
    toy: Toy, exported: Exported, raws: list[Raw], candidates: Tensors, expected: Tensors
) -> None:
    examples = tf.constant([serialize(toy.spec, raw) for raw in raws])
    for signature in (contract.SERVING_DEFAULT, EVALUATE):
        scores = exported(signature, examples=examples)
        _assert_close(scores, expected)
        np.testing.assert_array_equal(
            scores["candidate_mask"], candidates["candidate_item_id"] != ""
        )


def test_state_then_scores_equal_the_keras_model(
    exported: Exported, states: tf.Tensor, candidates: Tensors, expected: Tensors
) -> None:
    scores = exported(contract.SCORE_ITEMS_WITH_FEATURES, user_state_bytes=states, **candidates)
    _assert_close(scores, expected)


def test_states_of_examples_are_those_of_the_same_users(
    toy: Toy, exported: Exported, raws: list[Raw], states: tf.Tensor
) -> None:
    examples = tf.constant([serialize(toy.spec, raw) for raw in raws])
    found = exported(contract.ENCODE_USER_EXAMPLES, examples=examples)[contract.USER_STATE]
    np.testing.assert_array_equal(found, states[:, None])


def test_bulk_inference_takes_the_signature_of_examples(
    toy: Toy, exported: Exported, raws: list[Raw], states: tf.Tensor, tmp_path: Path
) -> None:
    """What TFX's BulkInferrer runs."""
    model = model_spec_pb2.InferenceSpecType(
        saved_model_spec=model_spec_pb2.SavedModelSpec(
            model_path=str(exported.folder), signature_name=[contract.ENCODE_USER_EXAMPLES]
        )
    )
    examples = [tf.train.Example.FromString(serialize(toy.spec, raw)) for raw in raws]
    with beam.Pipeline("FnApiRunner") as pipeline:
        logs = pipeline | beam.Create(examples) | RunInference(model)
        blobs = logs | beam.Map(
            lambda log: log.predict_log.response.outputs["user_state_bytes"].string_val[0]
        )
        _ = blobs | beam.io.WriteToTFRecord(str(tmp_path / "states"), num_shards=1)
    found = tf.data.TFRecordDataset(str(tmp_path / "states-00000-of-00001")).as_numpy_iterator()
    assert sorted(map(len, found)) == sorted(map(len, states.numpy()))


@pytest.mark.parametrize(
    ("dtype", "smaller", "tolerance"),
    [("float16", 2.0, 1e-3), ("bfloat16", 2.0, 1e-2), ("int8", 2.9, 1e-2)],
)
def test_smaller_states_score_nearly_the_same(
    toy: Toy, exported: Exported, user: Tensors, dtype: str, smaller: float, tolerance: float
) -> None:
    inputs = toy.inputs("train", "validation", export={"state_dtype": dtype})
    module = serving_module(exported.ranker, inputs)
    raw = {"candidate_item_id": tf.constant([["i0", "i1"]] * len(user["user_id"]))}
    state = module.encode_user(**user)["user_state_bytes"]
    exact = exported(contract.ENCODE_USER, **user)[contract.USER_STATE]
    integers = (
        5 * 4 * int((user["history_item_id"].numpy()[0] != b"").sum())
    )  # what matches compare stays as it is
    exact_bytes = len(exact.numpy()[0]) - HEADER - integers
    assert exact_bytes >= smaller * (len(state.numpy()[0]) - HEADER - integers)
    scores = module.score_items(state, **raw)
    expected = exported(contract.SCORE_ITEMS, user_state_bytes=exact, **raw)
    for task in scores:
        np.testing.assert_allclose(scores[task], expected[task], atol=tolerance)


def test_each_request_scores_alone_as_in_a_batch(
    exported: Exported, user: Tensors, candidates: Tensors, expected: Tensors
) -> None:
    for row in (0, 5, 11):
        count = int(tf.reduce_sum(tf.cast(candidates["candidate_item_id"][row] != "", tf.int32)))
        alone = {name: x[row : row + 1] for name, x in user.items()}
        alone |= {name: x[row : row + 1, :count] for name, x in candidates.items()}
        _assert_close(
            exported(contract.PREDICT, **alone),
            {task: x[row : row + 1, :count] for task, x in expected.items()},
        )


def test_padded_candidates_score_0_and_real_ones_between_0_and_1(
    exported: Exported, states: tf.Tensor, candidates: Tensors
) -> None:
    ids = candidates["candidate_item_id"]
    for scores in exported(
        contract.SCORE_ITEMS, user_state_bytes=states, candidate_item_id=ids
    ).values():
        present = ids.numpy() != b""
        assert not scores.numpy()[~present].any()
        assert ((scores.numpy() > 0) & (scores.numpy() < 1))[present].all()


def test_item_ids_alone_score_as_with_the_catalogues_features(
    toy: Toy, exported: Exported, states: tf.Tensor
) -> None:
    catalog = toy.raw["catalog"][0]
    items: dict[str, tf.Tensor] = {}
    for feature in candidate_inputs(toy.spec):
        items[feature.name] = tf.constant([catalog[feature.name]] * len(states))
    ids = {"candidate_item_id": items["candidate_item_id"]}
    alone = exported(contract.SCORE_ITEMS, user_state_bytes=states, **ids)
    _assert_close(
        alone, exported(contract.SCORE_ITEMS_WITH_FEATURES, user_state_bytes=states, **items)
    )
    shifted = {name: tf.roll(x, 1, axis=1) if name not in ids else x for name, x in items.items()}
    other = exported(contract.SCORE_ITEMS_WITH_FEATURES, user_state_bytes=states, **shifted)
    assert not np.allclose(other["click"], alone["click"], atol=1e-4)


def test_statistics_come_from_the_table_where_a_request_has_none(
    toy: Toy, exported: Exported, states: tf.Tensor
) -> None:
    """Of items in the catalogue and of new ones, by a brand that is sent or that the table has."""
    known_brands = toy.raw["catalog"][0]["candidate_brand"]
    of_p, of_q = (f"i{known_brands.index(brand)}" for brand in ("p", "q"))
    ids = [of_p, of_q, "new", "new"]
    brands = ["", "", "p", ""]
    table = statistics_table(known_brands)
    known = [table["of", "brand", brand] for brand in ("p", "q", "p", "")]
    sent: dict[str, list[float]] = {}
    for n, name in enumerate(_BRAND_NUMBERS):
        sent[f"candidate_brand_all_{name}"] = [float(row[n]) for row in known]
    events = [float(table.get(("of", "item_id", item), [0])[0]) for item in ids]
    sent |= {"candidate_item_id_1d_events": events, "candidate_met_all_events": [0.0] * 4}
    plain: dict[str, list[Any]] = {
        "candidate_item_id": ids,
        "candidate_brand": brands,
        "candidate_tags": [""] * 4,
    }
    plain |= {"candidate_price": [NAN] * 4}
    rows = {name: tf.constant([values] * len(states)) for name, values in plain.items()}
    numbers: dict[str, tf.Tensor] = {}
    for name, values in sent.items():
        numbers[name] = tf.constant([values] * len(states), tf.float32)
    absent = {name: tf.fill(values.shape, NAN) for name, values in numbers.items()}
    other = {name: values + 0.5 for name, values in numbers.items()}
    features = contract.SCORE_ITEMS_WITH_FEATURES
    filled = exported(features, user_state_bytes=states, **rows, **absent)
    given = exported(features, user_state_bytes=states, **rows, **numbers)
    wins = exported(features, user_state_bytes=states, **rows, **other)
    _assert_close(filled, given)
    assert not np.allclose(wins["click"], given["click"], atol=1e-4)


def test_what_users_did_to_items_travels_in_the_state(exported: Exported, user: Tensors) -> None:
    ids = tf.constant([["i0", "i1", "new"]] * len(user["user_id"]))
    met = [
        user_line("met", "i1", np.array([7.0])),
        user_line("met", "new", np.array([3.0])),
        user_line("other", "i0", np.array([9.0])),
    ]
    texts = ["\n".join(met[:1])] + ["\n".join(met)] * (len(ids) - 1)
    told = user | {"user_statistics": tf.constant(texts)}
    state = exported(contract.ENCODE_USER, **told)[contract.USER_STATE]
    found = exported(contract.SCORE_ITEMS, user_state_bytes=state, candidate_item_id=ids)
    absent = {name: tf.fill(ids.shape, "") for name in ("candidate_tags", "candidate_brand")}
    numbers = set(_signature_inputs(exported)) - absent.keys() - {"candidate_item_id"}
    absent |= {name: tf.fill(ids.shape, NAN) for name in numbers}
    sent = absent | {
        "candidate_met_all_events": tf.constant([[0.0, 7, 0]] + [[0.0, 7, 3]] * (len(ids) - 1))
    }
    _assert_close(exported(contract.PREDICT, **user, **sent, candidate_item_id=ids), found)
    _assert_close(exported(contract.PREDICT, **told, **absent, candidate_item_id=ids), found)
    unknown = exported(contract.PREDICT, **user, **absent, candidate_item_id=ids)
    np.testing.assert_allclose(unknown["click"][:, 0], found["click"][:, 0], **CLOSE)
    assert not np.allclose(unknown["click"][:, 1], found["click"][:, 1], atol=1e-4)


def _signature_inputs(exported: Exported) -> set[str]:
    """The candidate inputs of `predict`."""
    names = exported.loaded.signatures[contract.PREDICT].structured_input_signature[1]
    return {name for name in names if name.startswith("candidate_")}


def test_unknown_users_and_items_score(toy: Toy, exported: Exported, user: Tensors) -> None:
    stranger: Tensors = {}
    for name, values in user.items():
        unknown = tf.constant("never seen" if values.dtype == tf.string else 10**9, values.dtype)
        stranger[name] = tf.fill(values[:1].shape, unknown)
    state = exported(contract.ENCODE_USER, **stranger)[contract.USER_STATE]
    scores = exported(
        contract.SCORE_ITEMS,
        user_state_bytes=state,
        candidate_item_id=tf.constant([["never seen", "i0"]]),
    )
    assert all(((x.numpy() > 0) & (x.numpy() < 1)).all() for x in scores.values())


def test_history_features_come_from_the_catalogue_where_a_request_has_none(
    toy: Toy, exported: Exported, user: Tensors, candidates: Tensors
) -> None:
    catalog = toy.raw["catalog"][0]
    known = dict(user)
    ids = user["history_item_id"].numpy().astype(str)
    for name in ("tags", "brand", "price"):
        values = dict(zip(catalog["candidate_item_id"], catalog[f"candidate_{name}"], strict=True))
        absent = float("nan") if name == "price" else ""
        of_items = [values.get(item, absent) for item in ids.ravel().tolist()]
        known[f"history_{name}"] = tf.reshape(tf.constant(of_items), ids.shape)
        absent_everywhere = tf.fill(ids.shape, tf.constant(absent))
        user = user | {f"history_{name}": absent_everywhere}
    _assert_close(
        exported(contract.PREDICT, **user, **candidates),
        exported(contract.PREDICT, **known, **candidates),
    )


def _long_histories(spec: DatasetSpec, raws: list[Raw]) -> Tensors:
    """Histories of 7: of seven, five and no behaviours."""
    pieces = raw_records(
        spec.model_copy(update={"history": spec.history.model_copy(update={"length": 7})}), 60, 9
    )
    by_length = {len(raw["history_item_id"]): raw for raw in pieces}
    return dense_inputs(user_inputs(spec), [by_length[length] for length in (7, 5, 0)])


def _history(user: Tensors, change: Any) -> Tensors:
    return {name: change(x) if name.startswith("history_") else x for name, x in user.items()}


def _state_of(exported: Exported, user: Tensors) -> list[bytes]:
    blobs: list[bytes] = (
        exported(contract.ENCODE_USER, **user)[contract.USER_STATE].numpy().tolist()
    )
    return blobs


def _floats(blob: bytes) -> np.ndarray:
    return np.frombuffer(blob[HEADER:], "<f4")


def test_longer_histories_keep_the_latest(toy: Toy, exported: Exported, raws: list[Raw]) -> None:
    user = _long_histories(toy.spec, raws)
    first, second, third = [_row(user, row) for row in range(3)]
    latest = [_history(first, lambda x: x[:, 3:7]), _history(second, lambda x: x[:, 1:5]), third]
    states = _state_of(exported, user)
    for state, kept in zip(states, latest, strict=True):
        np.testing.assert_allclose(_floats(state), _floats(_state_of(exported, kept)[0]), **CLOSE)
    earliest = _state_of(exported, _history(first, lambda x: x[:, :4]))
    assert not np.allclose(_floats(states[0]), _floats(earliest[0]), atol=1e-3)


def _row(user: Tensors, row: int) -> Tensors:
    """The features of one of several users."""
    return {name: values[row : row + 1] for name, values in user.items()}


def test_empty_ids_anywhere_in_the_history_are_padding(
    toy: Toy, exported: Exported, user: Tensors
) -> None:
    width = user["history_item_id"].shape[1]

    def spread(x: tf.Tensor) -> tf.Tensor:
        """A gap before every behaviour: "", or what looks like a value, for the id alone
        decides."""
        gap = tf.fill(x.shape, tf.constant("" if x.dtype == tf.string else 1, x.dtype))
        return tf.reshape(tf.stack([gap, x], 2), [-1, 2 * width])

    for blob, gapped in zip(
        _state_of(exported, user), _state_of(exported, _history(user, spread)), strict=True
    ):
        np.testing.assert_allclose(_floats(blob), _floats(gapped), **CLOSE)


def _cut(tensors: Tensors, name: str, change: Any) -> Tensors:
    return {**tensors, name: change(tensors[name])}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("history_brand", lambda x: x[:, 1:]),
        ("history_timestamp", lambda x: x[1:]),
        ("user_age", lambda x: x[1:]),
        ("timestamp", lambda x: tf.concat([x, x], 0)),
        ("candidate_price", lambda x: x[:, 1:]),
    ],
)
def test_inputs_that_do_not_fit_together_are_refused_by_name(
    exported: Exported, user: Tensors, candidates: Tensors, name: str, change: Any
) -> None:
    broken = _cut(user | candidates, name, change)
    axis = name.split("_")[0] + "_" if name.startswith(("history_", "candidate_")) else ""
    requests = {contract.PREDICT: broken, contract.ENCODE_USER: {key: broken[key] for key in user}}
    for signature, tensors in requests.items():
        if name in tensors:
            with pytest.raises(
                tf.errors.InvalidArgumentError,
                match=rf"\[{name} must have the shape of {axis}\w+\. ",
            ):
                exported(signature, **tensors)


def test_states_and_candidates_of_different_requests_are_refused(
    exported: Exported, states: tf.Tensor, candidates: Tensors
) -> None:
    ids = candidates["candidate_item_id"]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="rows of .* must have the shape of rows of"
    ):
        exported(contract.SCORE_ITEMS, user_state_bytes=states[1:], candidate_item_id=ids)


def test_no_request_and_no_candidate_are_refused_by_name(
    exported: Exported, states: tf.Tensor, user: Tensors, candidates: Tensors
) -> None:
    none = {name: x[:0] for name, x in user.items()}
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=" is empty: send at least one request"
    ):
        exported(contract.ENCODE_USER, **none)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="examples is empty: send at least one request"
    ):
        exported(contract.SERVING_DEFAULT, examples=tf.zeros([0], tf.string))
    no_items = tf.zeros([len(states), 0], tf.string)
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match="candidate_item_id has no candidates: send at least one",
    ):
        exported(contract.SCORE_ITEMS, user_state_bytes=states, candidate_item_id=no_items)
    nothing = {name: x[:, :0] for name, x in candidates.items()}
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="has no candidates: send at least one"
    ):
        exported(contract.PREDICT, **user, **nothing)


def test_states_of_another_model_are_refused(
    toy: Toy, exported: Exported, states: tf.Tensor, user: Tensors
) -> None:
    other = dataclasses.replace(
        exported.inputs, spec=exported.inputs.spec.model_copy(update={"name": "other"})
    )
    module = serving_module(exported.ranker, other)
    foreign = module.codec.encode(exported.ranker.encode_user(_features(exported, user)))
    assert [len(blob) for blob in foreign.numpy()] == [len(blob) for blob in states.numpy()]
    ids = tf.constant([["i0"]] * len(states))
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="user_state was made by another model version"
    ):
        exported(contract.SCORE_ITEMS, user_state_bytes=foreign, candidate_item_id=ids)


def test_fingerprint_changes_with_any_weight_and_the_spec(exported: Exported) -> None:
    before = fingerprint(exported.ranker, "spec")
    weight = exported.ranker.weights[-1]
    assert fingerprint(exported.ranker, "spec") == before != fingerprint(exported.ranker, "other")
    value = weight.numpy()
    weight.assign(value + 1e-6)
    changed = fingerprint(exported.ranker, "spec")
    weight.assign(value)
    assert changed != before == fingerprint(exported.ranker, "spec")
    assert len(before) == 8


def test_popularity_is_that_of_the_catalogue(toy: Toy, exported: Exported, raws: list[Raw]) -> None:
    absent = {f.name: [NAN if f.dtype == "float" else ""] * 6 for f in candidate_inputs(toy.spec)}
    raw = {**raws[0], **absent, "candidate_item_id": ["i0", "i1", "i3", "i6", "i7", "never seen"]}
    found = (
        exported(EVALUATE, examples=tf.constant([serialize(toy.spec, raw)]))["popularity"]
        .numpy()[0]
        .tolist()
    )
    # Seven items have training events: ranks 0/7, 1/7, 3/7 and 6/7.
    assert found == [b"head", b"head", b"middle", b"tail", b"unseen", b"unseen"]


def test_every_warm_up_request_runs(exported: Exported) -> None:
    seen = set()
    for record in tf.data.TFRecordDataset(str(exported.folder / contract.WARMUP_FILE)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        tensors: Tensors = {}
        for name, value in request.inputs.items():
            tensors[name] = tf.constant(tf.make_ndarray(value))
        exported(request.model_spec.signature_name, **tensors)
        count = tensors["candidate_item_id"].shape[1] if "candidate_item_id" in tensors else None
        seen.add((request.model_spec.signature_name, count))
    with_items = (contract.SCORE_ITEMS, contract.SCORE_ITEMS_WITH_FEATURES, contract.PREDICT)
    buckets = {(signature, count) for signature in with_items for count in (1, 10, 100, 1000)}
    without_items = (
        contract.DESCRIBE,
        contract.ENCODE_USER,
        contract.SERVING_DEFAULT,
        contract.ENCODE_USER_EXAMPLES,
    )
    assert seen == buckets | {(signature, None) for signature in without_items}


@pytest.mark.parametrize(
    ("most", "buckets"), [(1, [1]), (7, [1, 7]), (10, [1, 10]), (250, [1, 10, 100, 250])]
)
def test_warm_up_reaches_the_largest_request(most: int, buckets: list[int]) -> None:
    assert candidate_buckets(most) == buckets


def test_the_model_describes_itself(exported: Exported, states: tf.Tensor) -> None:
    answers = (
        exported(contract.DESCRIBE, request=tf.constant(["", "x"]))[contract.DESCRIPTION]
        .numpy()
        .tolist()
    )
    found = contract.Description.from_json(answers[0])
    assert answers == [found.to_json().encode()] * 2
    assert (found.max_candidates, found.max_history, found.history_length) == (1000, 5000, 4)
    assert found.tasks == ("click", "buy")
    assert {blob[16:24].hex() for blob in states.numpy()} == {found.state_identity}
    assert found.state_dtype == "float32"
    described = ("user_id", "user_age", "user_gender", "user_interests")
    assert found.user_inputs == (*described, "user_user_all_events", "user_statistics")
    assert found.users_items == {"met": 1}
    assert found.users_items_inputs == {"met": ["candidate_met_all_events"]}
    assert found.context_inputs == ("timestamp", "context_device")
    names = exported.loaded.signatures[contract.ENCODE_USER].structured_input_signature[1]
    assert set(found.user_inputs + found.context_inputs + found.history_inputs) == set(names)


def test_a_description_of_an_earlier_release_says_nothing_of_showings(exported: Exported) -> None:
    found = json.loads(
        exported(contract.DESCRIBE, request=tf.constant([""]))[contract.DESCRIPTION].numpy()[0]
    )
    del found["showing_inputs"]
    assert contract.Description.from_dict(found).showing_inputs == ()


def test_a_description_may_have_keys_of_a_later_release(exported: Exported) -> None:
    text = exported(contract.DESCRIBE, request=tf.constant([""]))[contract.DESCRIPTION].numpy()[0]
    newer = json.dumps(json.loads(text) | {"colour": "green"})
    assert contract.Description.from_json(newer) == contract.Description.from_json(text)


def test_longer_requests_than_the_limits_are_refused(
    exported: Exported, states: tf.Tensor, user: Tensors
) -> None:
    one = states[:1]
    exported(contract.SCORE_ITEMS, user_state_bytes=one, candidate_item_id=tf.fill([1, 1000], "i0"))
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="candidate_item_id may have at most 1000 columns"
    ):
        exported(
            contract.SCORE_ITEMS, user_state_bytes=one, candidate_item_id=tf.fill([1, 1001], "i0")
        )
    long = _history(
        {name: x[:1] for name, x in user.items()}, lambda x: tf.repeat(x[:, :1], 5001, axis=1)
    )
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="history_.* may have at most 5000 columns"
    ):
        exported(contract.ENCODE_USER, **long)


def test_what_made_the_model_travels_with_it(exported: Exported) -> None:
    made_by = json.loads((exported.folder / contract.CONFIG_FILE).read_text(encoding="utf-8"))
    assert DatasetSpec.model_validate(made_by["spec"]) == exported.inputs.spec
    assert TrainerConfig.model_validate(made_by["trainer"]) == exported.inputs.config


def test_its_manifest_has_every_file_of_the_export(exported: Exported) -> None:
    check_manifest(exported.folder)
    manifest = (exported.folder / contract.MANIFEST_FILE).read_text(encoding="utf-8")
    listed = json.loads(manifest)["files"]
    files = [path for path in exported.folder.rglob("*") if path.is_file()]
    there = {path.relative_to(exported.folder).as_posix() for path in files}
    assert set(listed) == there - {contract.MANIFEST_FILE}


def test_state_codec_has_the_rankers_widths(
    exported: Exported, states: tf.Tensor, user: Tensors
) -> None:
    """Blob bytes: 32 of header; vectors a user; and a row of K/V and history a behaviour."""
    config = exported.inputs.config.ranker
    encoder = exported.inputs.config.encoder
    matched = 1 + 1 + 2 + 1  # integers: the item's key, its brand, two tags, the action
    row = (
        config.embedding_dim * 6 + 2 * encoder.layers * encoder.dim + matched
    )  # six history fields
    vectors = config.embedding_dim + config.experts * config.expert_units[0] + 2 * config.experts
    lengths = (user["history_item_id"].numpy() != b"").sum(1)
    for blob, length in zip(states.numpy(), lengths, strict=True):
        assert len(blob) == HEADER + 4 * (vectors + length * row)


def test_examples_whose_lists_do_not_fit_together_are_refused_by_name(
    toy: Toy, exported: Exported, raws: list[Raw]
) -> None:
    broken = raws[0] | {"candidate_price": [1.0] * (len(raws[0]["candidate_item_id"]) + 1)}
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match="candidate_price must have the shape of candidate_item_id",
    ):
        exported(contract.SERVING_DEFAULT, examples=tf.constant([serialize(toy.spec, broken)]))


def test_examples_that_unfold_to_too_much_are_refused(
    toy: Toy, exported: Exported, raws: list[Raw]
) -> None:
    long = raws[0] | {"history_item_id": ["i0"] * 100_000}
    examples = [serialize(toy.spec, long)] + [serialize(toy.spec, raws[0])] * 200
    with pytest.raises(tf.errors.InvalidArgumentError, match="may have at most 16777216 cells"):
        exported(contract.ENCODE_USER_EXAMPLES, examples=tf.constant(examples))


def test_a_refreshed_version_scores_by_the_newer_table(
    toy: Toy, exported: Exported, states: tf.Tensor, tmp_path: Path
) -> None:
    """With the states of the version that it was made of, which it shares all else with."""
    shutil.copytree(exported.folder, tmp_path / "model" / "1")
    table = tmp_path / "statistics.txt"
    brands = toy.raw["catalog"][0]["candidate_brand"]
    of_p, of_q = (f"i{brands.index(brand)}" for brand in ("p", "q"))
    changed = statistics_table(brands) | {("of", "brand", "p"): [90, 3, 80, 0.1, 0.8]}
    changed["about", "", ""] = AsOf(START + 3600, 99).to_json()
    table.write_bytes(b"\n".join(line_of(key, value) for key, value in changed.items()))
    version = Path(refresh(tmp_path / "model", table))
    check_manifest(version)
    assert statistics_as_of(exported.folder) == AsOf(START, 18)
    assert statistics_as_of(version) == AsOf(START + 3600, 99)
    scorer = tf.saved_model.load(str(version)).signatures[contract.SCORE_ITEMS]
    raw = {
        "user_state_bytes": states,
        "candidate_item_id": tf.constant([[of_p, of_q]] * len(states)),
    }
    new = scorer(**raw)["buy"].numpy()
    old = exported(contract.SCORE_ITEMS, **raw)["buy"].numpy()
    np.testing.assert_allclose(new[:, 1], old[:, 1], **CLOSE)  # of brand q
    assert not np.allclose(new[:, 0], old[:, 0], atol=1e-4)
