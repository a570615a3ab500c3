"""What SRP4CTR has beside the invariants of every ranker: its encoder, and the loss."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_trainer import random_features, toy_fields
from tests.trainer.models.rankers import LENGTHS, WITH_TOKENS, built, fit_step
from trainer.models.srp4ctr import Srp4Ctr


@functools.cache
def _full() -> Srp4Ctr:
    ranker = built(toy_fields(), **WITH_TOKENS)
    assert isinstance(ranker, Srp4Ctr)
    return ranker


@pytest.mark.slow
def test_baseline_has_no_weights_of_the_encoder() -> None:
    baseline = built(toy_fields(), encoder="none")
    assert isinstance(baseline, Srp4Ctr)
    assert (baseline.encoder, baseline.uca, baseline.qt) == (None, None, None)
    assert not baseline.encode_user(random_features(baseline.fields, LENGTHS)).uca
    with_weights = {layer.name for layer in _full().layers if layer.weights}
    without = {layer.name for layer in baseline.layers if layer.weights}
    assert with_weights - without == {"encoder", "uca", "qt"} and without < with_weights


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoder", "tokens"), [("learned", 4), ("frozen", 4), ("learned", 0), ("frozen", 0)]
)
def test_a_frozen_encoder_stays_and_all_else_learns(encoder: str, tokens: int) -> None:
    ranker = built(toy_fields(), encoder=encoder, query_tokens=tokens)
    features = random_features(ranker.fields, [4, 3, 2, 4], candidates=5)
    before = {weight.name: weight.numpy() for weight in ranker.weights}
    fit_step(ranker, features)
    changed = {w.name for w in ranker.weights if not np.array_equal(before[w.name], w.numpy())}
    assert ranker.encoder is not None
    assert ranker.match is not None
    of_encoder = {weight.name for weight in ranker.encoder.weights}
    still = {weight.name for weight in ranker.match.non_trainable_weights}
    # They shift all logits of a softmax alike.
    key_biases = {name for name in before if name.endswith("key/bias:0")}
    if encoder == "frozen":
        still |= of_encoder
    elif not tokens:
        # The last layer's output is read by nothing then.
        last = ranker.encoder.stack[-1]
        still |= {weight.name for weight in [*last.query.weights, *last.add_attended.weights]}
    assert not still & {weight.name for weight in ranker.trainable_weights}
    assert set(before) - changed - still - key_biases == set()
    assert encoder == "learned" or not changed & of_encoder


@pytest.mark.slow
def test_a_candidates_attention_is_shared_out_among_the_real_behaviours() -> None:
    ranker = _full()
    features = random_features(ranker.fields, LENGTHS, candidates=3)
    attention = ranker.attention_weights(ranker.encode_user(features), features)
    assert attention is not None
    size = ranker.encoder_config
    mask = features["history_item_id"].numpy() > 0
    assert attention.shape == (len(mask), size.layers, size.heads, 3, mask.shape[1])
    real = mask[:, None, None, None]
    assert not np.where(real, 0, attention).any()
    np.testing.assert_allclose(
        tf.reduce_sum(attention, -1), np.broadcast_to(real.any(-1), attention.shape[:4]), rtol=1e-5
    )
    assert built(toy_fields(), uni_cross_attention=False).attention_weights({}, features) is None


def test_loss_is_the_mean_over_real_candidates_summed_over_tasks() -> None:
    rng = np.random.default_rng(0)
    logits = {task: rng.normal(size=(2, 3)) for task in ("click", "buy")}
    labels = {task: rng.integers(0, 2, (2, 3)).astype(np.float32) for task in logits}
    weights = {task: np.array([[1, 1, 0], [1, 0, 0]], np.float32) for task in logits}
    expected = 0.0
    for task in logits:
        chance = 1 / (1 + np.exp(-logits[task]))
        entropy = -np.where(labels[task] > 0, np.log(chance), np.log(1 - chance))
        expected += (entropy * weights[task]).sum() / 3
    as_tensors = {task: tf.constant(values, tf.float32) for task, values in logits.items()}
    loss = _full().compute_loss(y=labels, y_pred=as_tensors, sample_weight=weights)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
