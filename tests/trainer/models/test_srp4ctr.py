"""The ranker's invariants, whatever parts of it are on."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.testing_trainer import pad_axis, random_features, toy_fields, toy_spec
from tests.trainer.layers.harness import global_policy, randomise
from trainer.config import EncoderConfig, RankerConfig
from trainer.fields import Fields
from trainer.models.srp4ctr import Srp4Ctr

LENGTHS = (4, 2, 0, 1)
SIZE = EncoderConfig(dim=8, heads=2, layers=2, feedforward=16)
VARIANTS: dict[str, dict[str, Any]] = {
    "learned": {},
    "frozen": {"encoder": "frozen"},
    "baseline": {"encoder": "none"},
    "without UCA": {"uni_cross_attention": False},
    "without QT": {"query_tokens": 0},
    "without either": {"uni_cross_attention": False, "query_tokens": 0},
}


def _built(fields: Fields, **changes: Any) -> Srp4Ctr:
    small = {"embedding_dim": 4, "attention_units": (8, 4), "experts": 2, "expert_units": (8, 4), "tower_units": 4}
    ranker = Srp4Ctr(fields, RankerConfig.model_validate(small | changes), SIZE)
    ranker(random_features(fields, LENGTHS))
    randomise(ranker)
    return ranker


@pytest.fixture(scope="module", params=VARIANTS)
def ranker(request: pytest.FixtureRequest) -> Srp4Ctr:
    return _built(toy_fields(), **VARIANTS[request.param])


@functools.cache
def _full() -> Srp4Ctr:
    return _built(toy_fields())


def _scores(ranker: Srp4Ctr, features: dict[str, tf.Tensor]) -> np.ndarray:
    """Logits [B, N, T]."""
    return np.stack(list(ranker(features).values()), -1)


def _pick(features: dict[str, tf.Tensor], side: str, places: list[int]) -> dict[str, tf.Tensor]:
    return {name: tf.gather(x, places, axis=1) if name.startswith(side) else x for name, x in features.items()}


def test_user_state_then_scores_equal_the_whole_forward_pass(ranker: Srp4Ctr) -> None:
    features = random_features(ranker.fields, LENGTHS)
    user = {name: x for name, x in features.items() if not name.startswith("candidate_")}
    items = {name: x for name, x in features.items() if name.startswith("candidate_")}
    scores = ranker.score_items(ranker.encode_user(user), items)
    assert list(scores) == ["click", "buy"]
    np.testing.assert_allclose(np.stack(list(scores.values()), -1), _scores(ranker, features), atol=1e-5)


def test_state_is_a_value_by_the_rules_of_rankers(ranker: Srp4Ctr) -> None:
    state = ranker.encode_user(random_features(ranker.fields, LENGTHS))
    np.testing.assert_array_equal(tf.reduce_sum(tf.cast(state["mask"], tf.int32), 1), LENGTHS)
    for leaf in tf.nest.flatten(state):
        assert leaf.shape[0] == len(LENGTHS)
        assert leaf.shape.rank == 2 or leaf.shape[1] == max(LENGTHS)


def test_permuting_candidates_permutes_scores(ranker: Srp4Ctr) -> None:
    features, order = random_features(ranker.fields, LENGTHS, candidates=4), [2, 0, 3, 1]
    permuted = _scores(ranker, _pick(features, "candidate_", order))
    np.testing.assert_allclose(permuted, _scores(ranker, features)[:, order], atol=1e-5)


def test_scores_tell_candidates_users_and_tasks_apart(ranker: Srp4Ctr) -> None:
    scores = _scores(ranker, random_features(ranker.fields, LENGTHS))
    for axis in range(3):
        assert (scores.std(axis) > 1e-4).any(), axis


def test_padding_changes_nothing(ranker: Srp4Ctr) -> None:
    features = random_features(ranker.fields, LENGTHS)
    padded = pad_axis(pad_axis(features, "history", after=3), "candidate", after=2)
    np.testing.assert_allclose(_scores(ranker, padded)[:, :3], _scores(ranker, features), atol=1e-5)


def test_empty_histories_alone_are_finite_and_know_the_user(ranker: Srp4Ctr) -> None:
    scores = _scores(ranker, random_features(ranker.fields, [0, 0]))
    assert np.isfinite(scores).all() and not np.allclose(scores[0], scores[1], atol=1e-4)


_CASES = {
    "lengths": st.lists(st.integers(0, 4), min_size=2, max_size=4),
    "candidates": st.integers(1, 5),
    "seed": st.integers(0, 10**6),
}


@settings(max_examples=12, deadline=None)
@given(**_CASES)
def test_a_candidate_alone_scores_as_among_many(lengths: list[int], candidates: int, seed: int) -> None:
    features = random_features(_full().fields, lengths, candidates, seed)
    place = seed % candidates
    alone = _scores(_full(), _pick(features, "candidate_", [place]))
    np.testing.assert_allclose(alone[:, 0], _scores(_full(), features)[:, place], atol=1e-5)


@settings(max_examples=12, deadline=None)
@given(**_CASES)
def test_a_request_scores_alone_as_in_a_batch(lengths: list[int], candidates: int, seed: int) -> None:
    features = random_features(_full().fields, lengths, candidates, seed)
    row = seed % len(lengths)
    alone = {name: x[row : row + 1] for name, x in features.items()}
    alone = {name: x[:, : max(lengths[row], 1)] if name.startswith("history_") else x for name, x in alone.items()}
    np.testing.assert_allclose(_scores(_full(), alone)[0], _scores(_full(), features)[row], atol=1e-5)


@pytest.mark.parametrize(
    "features",
    [
        pytest.param({}, id="ids alone"),
        pytest.param({"item": {"tags": {"kind": "multivalent"}}}, id="no user, context or behaviour features"),
        pytest.param({"behavior": {"tags": {"kind": "multivalent"}}}, id="a multivalent behaviour feature"),
    ],
)
def test_specs_without_some_sides_work(features: dict[str, Any]) -> None:
    fields = toy_fields(toy_spec(features=features))
    ranker, batch = _built(fields), random_features(fields, LENGTHS)
    padded = pad_axis(pad_axis(batch, "history", after=3), "candidate", after=2)
    assert np.isfinite(_scores(ranker, batch)).all()
    np.testing.assert_allclose(_scores(ranker, padded)[:, :3], _scores(ranker, batch), atol=1e-5)


def test_every_feature_counts() -> None:
    features = random_features(_full().fields, [4])
    scores = _scores(_full(), features)
    for field in _full().fields.all:
        other = features[field.name] % (field.size - 1) + 1
        assert not np.allclose(_scores(_full(), {**features, field.name: other}), scores, atol=1e-4), field.name


def test_baseline_has_no_weights_of_the_encoder() -> None:
    baseline = _built(toy_fields(), encoder="none")
    assert (baseline.encoder, baseline.uca, baseline.qt) == (None, None, None)
    assert "uca" not in baseline.encode_user(random_features(baseline.fields, LENGTHS))
    with_weights, without = ({layer.name for layer in model.layers if layer.weights} for model in (_full(), baseline))
    assert with_weights - without == {"encoder", "uca", "qt"} and without < with_weights


@pytest.mark.parametrize("encoder", ["learned", "frozen"])
def test_a_frozen_encoder_stays_and_all_else_learns(encoder: str) -> None:
    ranker = _built(toy_fields(), encoder=encoder)
    features = random_features(ranker.fields, [4, 3, 2, 4], candidates=5)
    before = {weight.name: weight.numpy() for weight in ranker.weights}
    _fit_step(ranker, features)
    changed = {w.name for w in ranker.weights if not np.array_equal(before[w.name], w.numpy())}
    assert ranker.encoder is not None
    of_encoder = {weight.name for weight in ranker.encoder.weights}
    still = (of_encoder if encoder == "frozen" else set()) | {name for name in before if name.endswith("key/bias:0")}
    assert set(before) - changed - still == set()
    assert encoder == "learned" or not changed & of_encoder


def _fit_step(ranker: Srp4Ctr, features: dict[str, tf.Tensor]) -> None:
    ranker.compile(keras.optimizers.SGD(10.0), run_eagerly=True)
    count = features["candidate_item_id"].shape
    labels = {task: tf.cast(features["candidate_item_id"] % 2, tf.float32) for task in ranker.fields.tasks}
    weights = {task: tf.ones(count) for task in ranker.fields.tasks}
    ranker.fit(tf.data.Dataset.from_tensors((features, labels, weights)), verbose=0)


def test_loss_is_the_mean_over_real_candidates_summed_over_tasks() -> None:
    rng = np.random.default_rng(0)
    logits, labels = ({task: rng.normal(size=(2, 3)) for task in ("click", "buy")} for _ in range(2))
    labels = {task: (values > 0).astype(np.float32) for task, values in labels.items()}
    weights = {task: np.array([[1, 1, 0], [1, 0, 0]], np.float32) for task in logits}
    expected = 0.0
    for task in logits:
        chance = 1 / (1 + np.exp(-logits[task]))
        entropy = -np.where(labels[task] > 0, np.log(chance), np.log(1 - chance))
        expected += (entropy * weights[task]).sum() / 3
    as_tensors = {task: tf.constant(values, tf.float32) for task, values in logits.items()}
    loss = _full().compute_loss(y=labels, y_pred=as_tensors, sample_weight=weights)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_scores_are_close(policy: str) -> None:
    features = random_features(_full().fields, LENGTHS)
    with global_policy(policy):
        low = _built(toy_fields())
        scores = tf.nest.map_structure(lambda x: tf.cast(x, tf.float32), low(features))
    low_chance = tf.sigmoid(np.stack(list(scores.values()), -1))
    np.testing.assert_allclose(low_chance, tf.sigmoid(_scores(_full(), features)), atol=0.1)
