"""What each baseline hands to the head, against its paper's formulas in NumPy."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_trainer import random_features, toy_fields
from tests.trainer.layers import reference
from tests.trainer.models.rankers import LENGTHS, built
from trainer.models.baseline import Baseline
from trainer.models.dien import auxiliary_loss, other_behaviors
from trainer.models.ranker import Features

DIM = 4


def _model(name: str) -> tuple[Baseline, dict[str, tf.Tensor]]:
    ranker = built(toy_fields(), model=name)
    assert isinstance(ranker, Baseline)
    return ranker, random_features(ranker.fields, LENGTHS)


def _matched(ranker: Baseline, features: Features) -> np.ndarray:
    """The candidates' vectors for the head."""
    return ranker._match(
        ranker.embed.candidates(features), ranker.encode_user(features), features, False
    ).numpy()


def _embedded(ranker: Baseline, features: Features) -> tuple[np.ndarray, ...]:
    """User, history and candidates, embedded; mask."""
    embed = ranker.embed
    vectors = (embed.user(features), embed.history(features), embed.candidates(features))
    return (*(x.numpy() for x in vectors), features["history_item_id"].numpy() > 0)


def _pooled_by_attention(unit: Any, keys: np.ndarray, query: np.ndarray) -> np.ndarray:
    """DIN's sum of behaviours [L, D], weighed by its unit, for a candidate [D]."""
    weights = {weight.name.split("/")[-1].split(":")[0]: weight.numpy() for weight in unit.weights}
    pooled = np.zeros(query.shape)
    for key in keys:
        first = (
            key @ weights["key_kernel"]
            + query @ weights["query_kernel"]
            + (key * query) @ weights["pair_kernel"]
        )
        second = (
            reference.sigmoid(first + weights["first_bias"]) @ weights["hidden_kernel"]
            + weights["hidden_bias"]
        )
        pooled += (
            reference.sigmoid(second) @ weights["score_kernel"] + weights["score_bias"]
        ) * key
    return pooled


def test_din_pools_the_history_anew_for_each_candidate() -> None:
    ranker, features = _model("din")
    _, history, candidates, mask = _embedded(ranker, features)
    matched = _matched(ranker, features)
    for b, n in np.ndindex(candidates.shape[:2]):
        query = np.pad(candidates[b, n], (0, history.shape[-1] - candidates.shape[-1]))
        interest = _pooled_by_attention(ranker.din, history[b, mask[b]], query)
        np.testing.assert_allclose(
            matched[b, n], np.concatenate([candidates[b, n], interest]), atol=1e-4
        )


def test_pnn_takes_the_inner_products_of_all_pairs_of_fields() -> None:
    ranker, features = _model("pnn")
    user, history, candidates, mask = _embedded(ranker, features)
    matched = _matched(ranker, features)
    _, known = ranker._read(
        ranker.embed.user(features), ranker.embed.history(features), features, False
    )
    for b, n in np.ndindex(candidates.shape[:2]):
        mean = history[b].sum(0) / max(mask[b].sum(), 1)
        of_user = np.concatenate([user[b], mean]).reshape(-1, DIM)
        of_item = candidates[b, n].reshape(-1, DIM)
        products = [x @ y for x, y in combinations(np.concatenate([of_user, of_item]), 2)]
        folded = np.concatenate([known[b, of_user.size :], matched[b, n, of_item.size :]])
        np.testing.assert_allclose(sorted(folded), sorted(products), atol=1e-4)
        np.testing.assert_allclose(known[b, : of_user.size], of_user.ravel(), atol=1e-5)
        np.testing.assert_allclose(matched[b, n, : of_item.size], of_item.ravel(), atol=1e-5)


def test_bst_encodes_the_history_with_the_candidate_at_its_end() -> None:
    ranker, features = _model("bst")
    _, history, candidates, mask = _embedded(ranker, features)
    matched = _matched(ranker, features)
    positions = ranker.position.get_weights()[0]
    for b, n in np.ndindex(candidates.shape[:2]):
        past = history[b, mask[b]] + positions[mask[b].sum() : 0 : -1]
        target = (
            np.pad(candidates[b, n], (0, history.shape[-1] - candidates.shape[-1])) + positions[0]
        )
        sequence = np.concatenate([past, target[None]])[None]
        for layer in ranker.stack:
            sequence = reference.encoder_layer(layer, sequence, np.ones(sequence.shape[:2], bool))
        mean = sequence[0, :-1].sum(0) / max(len(past), 1)
        expected = np.concatenate([candidates[b, n], sequence[0, -1], mean])
        np.testing.assert_allclose(matched[b, n], expected, atol=1e-4)


def test_dien_evolves_interests_by_their_attention_to_the_candidate() -> None:
    ranker, features = _model("dien")
    _, history, candidates, mask = _embedded(ranker, features)
    matched = _matched(ranker, features)
    for b, n in np.ndindex(candidates.shape[:2]):
        interests = _gru(ranker.extractor, history[b, mask[b]], np.ones(mask[b].sum()))
        evolved = np.zeros(candidates.shape[-1])
        if len(interests):
            keys = interests @ ranker.attention.kernel.numpy()
            evolved = _gru(ranker.evolution, interests, reference.softmax(keys @ candidates[b, n]))[
                -1
            ]
        np.testing.assert_allclose(
            matched[b, n], np.concatenate([candidates[b, n], evolved]), atol=1e-4
        )


def _gru(layer: Any, x: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """Hidden states of a GRU whose update gate is scaled by `attention`."""
    kernel = layer.recurrent_kernel.numpy()
    width = layer.units
    states = [np.zeros(width)]
    for cell, weight in zip(x, attention, strict=True):
        term = reference.dense(layer.of_input, cell)
        recurrent = states[-1] @ kernel
        update, reset = np.split(reference.sigmoid(term[: 2 * width] + recurrent[: 2 * width]), 2)
        proposed = np.tanh(term[2 * width :] + reset * recurrent[2 * width :])
        states.append(states[-1] + weight * update * (proposed - states[-1]))
    return np.array(states[1:])


def test_dien_auxiliary_loss_tells_the_next_behaviour_from_another() -> None:
    rng = np.random.default_rng(0)
    interests, items, negatives = rng.normal(size=(3, 2, 3, 4))
    mask = np.array([[True, True, True], [True, True, False]])
    losses = []
    for b, t in ((0, 0), (0, 1), (1, 0)):
        of_next = reference.sigmoid(interests[b, t] @ items[b, t + 1])
        of_another = reference.sigmoid(interests[b, t] @ negatives[b, t + 1])
        losses.append(-np.log(of_next) - np.log(1 - of_another))
    loss = auxiliary_loss(interests, items, negatives, tf.constant(mask))
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-5)


def test_dien_negatives_are_behaviours_of_another_row() -> None:
    items = tf.reshape(tf.range(24.0), [4, 3, 2])
    for _ in range(5):
        negatives, known = other_behaviors(items, tf.ones([4, 3], tf.bool))
        assert not (negatives.numpy() == items.numpy()).any()
        assert set(negatives.numpy().ravel()) == set(items.numpy().ravel())
        assert known.numpy().all()


def test_dien_takes_no_padding_for_a_negative() -> None:
    items = tf.reshape(tf.range(1.0, 25.0), [4, 3, 2])
    mask = tf.constant([[True, True, True], [True, True, False], [False] * 3, [False] * 3])
    for _ in range(5):
        negatives, known = other_behaviors(items * tf.cast(mask, tf.float32)[..., None], mask)
        np.testing.assert_array_equal(known, (negatives.numpy() > 0).all(-1))


def test_dien_has_no_negatives_for_a_row_that_is_alone() -> None:
    """Its own behaviours would be called right and wrong at once."""
    mask = tf.ones([1, 3], tf.bool)
    items = tf.ones([1, 3, 2])
    negatives, known = other_behaviors(items, mask)
    assert not known.numpy().any()
    assert auxiliary_loss(items, items, negatives, mask & known) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_dien_adds_the_auxiliary_loss_in_training_alone(weight: float) -> None:
    ranker = built(toy_fields(), model="dien", dien={"auxiliary_weight": weight})
    features = random_features(ranker.fields, [4, 3, 2, 4])
    ranker(features, training=False)
    assert not ranker.losses
    ranker(features, training=True)
    assert (float(tf.add_n(ranker.losses)) > 0) == (weight > 0)


def test_can_adds_the_co_action_of_each_item_field_to_din() -> None:
    ranker, features = _model("can")
    matched = _matched(ranker, features)
    state = ranker.encode_user(features)
    widths = [DIM * len(ranker.fields.item), ranker.embed.history_width]
    co_actions = np.split(matched[..., sum(widths) :], len(ranker.fields.item), -1)
    for field, co_action in zip(ranker.fields.item, co_actions, strict=True):
        parameters = ranker.induction[field.field](features[f"candidate_{field.field}"])
        feed = ranker.feed[field.field](features[f"history_{field.field}"])
        np.testing.assert_allclose(
            ranker.co_action(parameters, feed, state.mask), co_action, atol=1e-5
        )
        assert np.abs(co_action).max() > 1e-3, field.field
