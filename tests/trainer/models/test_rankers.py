"""The invariants of every ranker, whatever its model and whatever parts of it are on.

Most are of its graph, as it is exported: one tracing takes as long as ten forward passes without.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.testing_trainer import pad_axis, random_features, toy_fields, toy_spec
from tests.trainer.layers.harness import global_policy
from tests.trainer.models.rankers import (
    LENGTHS,
    VARIANTS,
    built,
    fit_step,
    graph_scores,
    pick,
    scores,
)
from trainer.data import with_labels
from trainer.layers.field_embedding import built_embeddings
from trainer.models.ranker import Ranker
from trainer.padding import pad_batch
from trainer.registry import RANKERS
from trainer.step_seed import at_step

TOLERANCE = 1e-5
MODELS = {name: VARIANTS[name] for name in ("learned", *RANKERS) if name in VARIANTS}


@pytest.fixture(scope="module", params=VARIANTS)
def ranker(request: pytest.FixtureRequest) -> Ranker:
    return _of(request.param)


@functools.cache
def _of(variant: str) -> Ranker:
    return built(toy_fields(), **VARIANTS[variant])


def _assert_same(actual: np.ndarray, expected: np.ndarray) -> None:
    """Random weights make terms as large as 60 that cancel: what is left is as exact as they."""
    largest = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(actual, expected, rtol=TOLERANCE, atol=TOLERANCE * largest)


@pytest.mark.slow
def test_user_state_then_scores_equal_the_whole_forward_pass(ranker: Ranker) -> None:
    """The former step by step, the latter as a graph of unknown lengths."""
    features = random_features(ranker.fields, LENGTHS)
    user = {name: x for name, x in features.items() if not name.startswith("candidate_")}
    items = {name: x for name, x in features.items() if name.startswith("candidate_")}
    split = ranker.score_items(ranker.encode_user(user), items)
    assert list(split) == ["click", "buy"]
    _assert_same(np.stack(list(split.values()), -1), graph_scores(ranker, features))


def test_state_is_a_value_by_the_rules_of_rankers(ranker: Ranker) -> None:
    state = ranker.encode_user(random_features(ranker.fields, LENGTHS))
    np.testing.assert_array_equal(tf.reduce_sum(tf.cast(state.mask, tf.int32), 1), LENGTHS)
    for leaf in tf.nest.flatten(state):
        assert leaf.shape[0] == len(LENGTHS)
        assert leaf.shape.rank == 2 or leaf.shape[1] == max(LENGTHS)


@pytest.mark.slow
def test_permuting_candidates_permutes_scores(ranker: Ranker) -> None:
    features = random_features(ranker.fields, LENGTHS, candidates=4)
    order = [2, 0, 3, 1]
    permuted = graph_scores(ranker, pick(features, "candidate_", order))
    _assert_same(permuted, graph_scores(ranker, features)[:, order])


def test_scores_tell_candidates_users_and_tasks_apart(ranker: Ranker) -> None:
    all_scores = graph_scores(ranker, random_features(ranker.fields, LENGTHS))
    for axis in range(3):
        assert (all_scores.std(axis) > 1e-4).any(), axis


def test_padding_changes_nothing(ranker: Ranker) -> None:
    features = random_features(ranker.fields, LENGTHS)
    padded = pad_axis(pad_axis(features, "history", after=3), "candidate", after=2)
    _assert_same(graph_scores(ranker, padded)[:, :3], graph_scores(ranker, features))


@pytest.mark.slow
@pytest.mark.parametrize("variant", MODELS)
def test_loss_gradients_and_auc_are_exact_under_padding(variant: str) -> None:
    """Of batches padded to a bucket, with whole requests of padding."""
    ranker = _of(variant)
    features = random_features(toy_fields(), LENGTHS)
    rng = np.random.default_rng(3)
    labels: dict[str, tf.Tensor] = {}
    for task in ("click", "buy"):
        labels[f"label_{task}"] = tf.constant(rng.integers(0, 2, (4, 3)), tf.float32)
    results = []
    for batch in (features | labels, pad_batch(features | labels, 6, 7, 5)):
        inputs, targets, weights = with_labels(batch, toy_fields())
        with tf.GradientTape() as tape, at_step(tf.constant(2)):
            logits = ranker(inputs)
            loss = ranker.compute_loss(inputs, targets, logits, weights)
        auc = keras.metrics.AUC(from_logits=True)
        auc.update_state(targets["click"], logits["click"], weights["click"])
        gradients = tape.gradient(loss, ranker.trainable_weights)
        dense = [tf.convert_to_tensor(one) for one in gradients if one is not None]
        results.append([loss, auc.result(), *dense])
    for padded, exact in zip(*results, strict=True):
        np.testing.assert_allclose(padded, exact, rtol=1e-4, atol=1e-5)


def test_empty_histories_alone_are_finite_and_know_the_user(ranker: Ranker) -> None:
    alone = graph_scores(ranker, random_features(ranker.fields, [0, 0]))
    assert np.isfinite(alone).all() and not np.allclose(alone[0], alone[1], atol=1e-4)


_CASES = {
    "lengths": st.lists(st.integers(0, 4), min_size=2, max_size=4),
    "candidates": st.integers(1, 5),
    "seed": st.integers(0, 10**6),
}


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=6)
@given(**_CASES)
def test_a_candidate_alone_scores_as_among_many(
    model: str, lengths: list[int], candidates: int, seed: int
) -> None:
    features = random_features(_of(model).fields, lengths, candidates, seed)
    place = seed % candidates
    alone = graph_scores(_of(model), pick(features, "candidate_", [place]))
    _assert_same(alone[:, 0], graph_scores(_of(model), features)[:, place])


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=6)
@given(**_CASES)
def test_a_request_scores_alone_as_in_a_batch(
    model: str, lengths: list[int], candidates: int, seed: int
) -> None:
    features = random_features(_of(model).fields, lengths, candidates, seed)
    row = seed % len(lengths)
    alone: dict[str, tf.Tensor] = {}
    for name, values in features.items():
        alone[name] = values[row : row + 1]
        if name.startswith("history_"):
            alone[name] = alone[name][:, : max(lengths[row], 1)]
    _assert_same(graph_scores(_of(model), alone)[0], graph_scores(_of(model), features)[row])


def test_a_candidate_scores_the_same_among_a_hundred_unless_it_sees_them(ranker: Ranker) -> None:
    features = random_features(ranker.fields, LENGTHS, candidates=100)
    alone = graph_scores(ranker, pick(features, "candidate_", [57]))[:, 0]
    among = graph_scores(ranker, features)[:, 57]
    if getattr(ranker.config, "set_wise", False):
        assert (
            np.abs(alone - among) > 1e-3
        ).mean() > 0.5  # a tower whose random units are dead sees nothing
    else:
        _assert_same(alone, among)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "features",
    [
        pytest.param({}, id="ids alone"),
        pytest.param(
            {"item": {"tags": {"kind": "multivalent"}}}, id="no user, context or behaviour features"
        ),
        pytest.param(
            {"behavior": {"tags": {"kind": "multivalent"}}}, id="a multivalent behaviour feature"
        ),
    ],
)
def test_specs_without_some_sides_work(model: str, features: dict[str, Any]) -> None:
    fields = toy_fields(toy_spec(features=features))
    ranker = built(fields, **MODELS[model])
    batch = random_features(fields, LENGTHS)
    padded = pad_axis(pad_axis(batch, "history", after=3), "candidate", after=2)
    assert np.isfinite(scores(ranker, batch)).all()
    _assert_same(scores(ranker, padded)[:, :3], scores(ranker, batch))


@pytest.mark.parametrize("model", MODELS)
def test_every_feature_counts(model: str) -> None:
    ranker = _of(model)
    features = random_features(ranker.fields, [4])
    before = graph_scores(ranker, features)
    for field in ranker.fields.all:
        other = features[field.name] % (field.size - 1) + 1
        assert not np.allclose(
            graph_scores(ranker, {**features, field.name: other}), before, atol=1e-4
        ), field.name


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_all_weights_learn(model: str) -> None:
    ranker = built(toy_fields(), **MODELS[model])
    learned = [weight for weight in ranker.weights if weight.dtype.is_floating]
    before = [weight.numpy() for weight in learned]
    fit_step(ranker, random_features(ranker.fields, [4, 3, 2, 4], candidates=5))
    for weight, old in zip(learned, before, strict=True):
        if not weight.name.endswith("key/bias:0"):
            assert not np.array_equal(weight.numpy(), old), weight.name


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_scores_are_close(model: str, policy: str) -> None:
    features = random_features(_of(model).fields, LENGTHS, seed=1)
    with global_policy(policy):
        low = built(toy_fields(), **MODELS[model])
        cast = tf.nest.map_structure(lambda x: tf.cast(x, tf.float32), low(features))
    low_chance = tf.sigmoid(np.stack(list(cast.values()), -1))
    np.testing.assert_allclose(low_chance, tf.sigmoid(graph_scores(_of(model), features)), atol=0.1)


def test_a_table_that_nobody_reads_has_no_rows() -> None:
    """Only DIN's unit reads what is of a behaviour alone, and not of its item."""
    names = {}
    for variant in ("learned", "UCA alone"):
        names[variant] = {part.name for part in built_embeddings(_of(variant).embed)}
    assert names["learned"] - names["UCA alone"] == {"embed_action", "embed_gap"}
    assert "embed_item_id" in names["UCA alone"]


@pytest.mark.slow
def test_with_id_dropout_the_rows_of_new_items_learn() -> None:
    """Else an item that comes after training is scored by what its row started from."""
    of_all = []
    for field in toy_fields().all:
        shared = 1 if field.field == "item_id" else 0
        of_all.append(dataclasses.replace(field, oov_buckets=shared))
    fields = dataclasses.replace(toy_fields(), all=tuple(of_all))
    features = random_features(fields, [4, 3, 2, 4], candidates=5)
    size = next(field.size for field in of_all if field.field == "item_id")
    for name in ("candidate_item_id", "history_item_id"):
        features[name] = tf.minimum(features[name], size - 2)  # the last one is shared
    learned = {}
    for rate in (0.0, 0.5):
        ranker = built(fields, encoder="none", id_dropout=rate)
        table = ranker.embed.tables["item_id"].table
        before = table.numpy()[size - 1]
        fit_step(ranker, features)
        learned[rate] = not np.array_equal(table.numpy()[size - 1], before)
    assert learned == {0.0: False, 0.5: True}
