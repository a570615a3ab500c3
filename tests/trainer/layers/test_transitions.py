"""Weights of pairs of values: against a loop, what has none, and that they learn what follows."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.config import ConfigError
from preprocessing.spec_match import Match
from trainer.fields import Compared, Fields, MatchField
from trainer.layers.transitions import LARGEST, Transitions, transition_pairs

BRAND = Compared("history_brand", "candidate_brand", known=5)  # four words, then those unknown
SHOP = Compared("history_shop", "candidate_shop", known=3)


def _random(layer: Transitions, features: dict[str, tf.Tensor]) -> None:
    """Builds the layer and gives it weights."""
    layer({pair.history: tf.zeros([1, 1], tf.int32) for pair in layer.pairs}, features)
    rng = np.random.default_rng(1)
    for table in layer.tables.values():
        table.assign(rng.normal(size=table.shape))


def test_against_a_loop() -> None:
    rng = np.random.default_rng(2)
    latest = {
        "history_brand": rng.integers(0, 7, [6, 1]),
        "history_shop": rng.integers(0, 5, [6, 1]),
    }
    candidates = {
        "candidate_brand": rng.integers(0, 7, [6, 4]),
        "candidate_shop": rng.integers(0, 5, [6, 4]),
    }
    features = {name: tf.constant(values) for name, values in candidates.items()}
    layer = Transitions([BRAND, SHOP], tasks=2)
    _random(layer, features)
    found = layer({name: tf.constant(value) for name, value in latest.items()}, features).numpy()
    assert found.dtype == np.float32
    expected = np.zeros([6, 4, 2])
    for pair in (BRAND, SHOP):
        assert pair.known is not None
        table = layer.tables[pair.history].numpy().reshape(pair.known, pair.known, 2)
        for user in range(6):
            before = latest[pair.history][user, 0]
            for place in range(4):
                after = candidates[pair.candidate][user, place]
                if 0 < before < pair.known and 0 < after < pair.known:
                    expected[user, place] += table[before, after]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.count_nonzero(expected) < expected.size  # some are absent or unknown


def test_nothing_is_added_before_training() -> None:
    layer = Transitions([BRAND], tasks=1)
    added = layer(
        {"history_brand": tf.constant([[2]])}, {"candidate_brand": tf.constant([[1, 2, 3]])}
    )
    assert added.numpy().tolist() == [[[0.0], [0.0], [0.0]]]


def test_what_follows_is_learned_in_a_few_steps() -> None:
    """Brand b is always followed by b + 1, and nothing else by anything."""
    layer = Transitions([BRAND], tasks=1)
    latest = {"history_brand": tf.constant([[1], [2], [3]])}
    features = {"candidate_brand": tf.constant([[1, 2, 3, 4]] * 3)}
    labels = tf.constant([[0.0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    optimizer = tf.keras.optimizers.Adam(0.1)
    for _ in range(20):
        with tf.GradientTape() as tape:
            logits = layer(latest, features)[..., 0]
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
        optimizer.minimize(loss, layer.trainable_variables, tape=tape)
    logits = layer(latest, features)[..., 0].numpy()
    assert (logits.argmax(axis=1) == [1, 2, 3]).all()
    assert not layer.tables["history_brand"].numpy().reshape(5, 5)[4].any()  # never the latest


def _fields(*compared: Compared) -> Fields:
    matches = tuple(MatchField(pair.history, Match(), (pair,)) for pair in compared)
    return Fields((), 10, ("click",), matches)


def test_pairs_are_of_matched_features_with_one_value_and_few_words() -> None:
    item = Compared("history_item_key", "candidate_item_key")
    tags = Compared("history_tags", "candidate_tags", width=2, known=5)
    many = Compared("history_seller", "candidate_seller", known=LARGEST + 1)
    assert transition_pairs(_fields(item, tags, BRAND, many, BRAND)) == [BRAND]


def test_without_any_pair_it_is_refused() -> None:
    with pytest.raises(ConfigError, match="1024 words or more"):
        Transitions([], tasks=1)
