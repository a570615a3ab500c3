"""The losses of the prediction heads against NumPy, and what their gradients reach."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from preprocessing.features import ModelFeature
from preprocessing.kinds.categorical import Categorical
from preprocessing.kinds.multivalent import Multivalent
from tests.trainer.layers import reference
from tests.trainer.layers.harness import randomise
from trainer.fields import Field
from trainer.layers.field_embedding import FieldEmbedding
from trainer.pretraining.attribute_head import AttributeHead, log_uniform_samples
from trainer.pretraining.cloze_config import ClozeConfig
from trainer.step_seed import at_step, step_seed

M = 6
D = 8


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    keras.utils.set_random_seed(1)


def _head(size: int, multivalent: bool = False, **config: int) -> AttributeHead:
    spec = (
        Multivalent(kind="multivalent", max_values=2)
        if multivalent
        else Categorical(kind="categorical")
    )
    field = Field(ModelFeature("history_x", "x", "history", "item_x", spec), size)
    embedding = FieldEmbedding(size, D, multivalent)
    embedding(tf.zeros((1, 2), tf.int64))
    head = AttributeHead(field, embedding, ClozeConfig(**config))
    head(_hidden(), tf.zeros((M, 2) if multivalent else (M,), tf.int64))
    randomise(head)
    return head


def _hidden(rows: int = M) -> tf.Tensor:
    return tf.constant(np.random.default_rng(1).normal(size=(rows, D)), tf.float32)


def _logits(head: AttributeHead) -> np.ndarray:
    """Scores of the values 1 to size - 1: [M, size - 1]."""
    x = reference.layer_norm(
        head.norm, reference.gelu(reference.dense(head.dense, _hidden().numpy()))
    )
    return (x @ head.embedding.table.numpy()[: head.field.size].T + head.bias.numpy())[:, 1:]


def test_softmax_loss_is_over_the_values_and_never_over_absence() -> None:
    head = _head(5)
    targets = np.array([1, 2, 3, 4, 4, 0])
    chance = reference.softmax(_logits(head))
    loss, correct, weight = head(_hidden(), tf.constant(targets))
    np.testing.assert_allclose(loss[:5], -np.log(chance[range(5), targets[:5] - 1]), rtol=1e-4)
    np.testing.assert_array_equal(correct[:5], chance.argmax(1)[:5] + 1 == targets[:5])
    np.testing.assert_array_equal(weight, [1, 1, 1, 1, 1, 0])


def test_absence_and_the_mask_are_never_predicted() -> None:
    head = _head(5)
    head.bias.assign([1e6, 0, 0, 0, 0])
    head.embedding.table[5].assign(1e6 * tf.ones(D))
    logits = head.logits(_hidden()).numpy()
    assert logits.shape == (M, 5) and (logits.argmax(1) > 0).all()
    assert np.isfinite(head(_hidden(), tf.ones(M, tf.int64)).loss).all()


def test_multivalent_loss_is_a_sigmoid_a_value() -> None:
    head = _head(5, multivalent=True)
    targets = np.array([[1, 2], [3, 0], [4, 4], [2, 3], [1, 0], [0, 0]])
    chance = reference.sigmoid(_logits(head))
    truth = np.stack([np.isin(np.arange(1, 5), row) for row in targets])
    loss, correct, weight = head(_hidden(), tf.constant(targets))
    np.testing.assert_allclose(
        loss, -np.log(np.where(truth, chance, 1 - chance)).mean(1), rtol=1e-4
    )
    np.testing.assert_array_equal(correct, truth[range(M), chance.argmax(1)])
    np.testing.assert_array_equal(weight, [1, 1, 1, 1, 1, 0])


def test_the_tied_table_and_every_own_weight_get_a_gradient() -> None:
    for multivalent in (False, True):
        head = _head(5, multivalent)
        targets = tf.constant([[1, 2]] * M if multivalent else [1, 2, 3, 4, 1, 2], tf.int64)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(head(_hidden(), targets).loss)
        table = head.embedding.table
        gradients = tape.gradient(loss, [table, *head.trainable_weights])
        assert all(gradient is not None and np.abs(gradient).max() > 0 for gradient in gradients)
        assert np.abs(tf.convert_to_tensor(gradients[0])[1:5]).max(1).all()
        assert any(weight is table for weight in head.weights)


@pytest.mark.slow
def test_sampled_softmax_is_for_training_only() -> None:
    head = _head(20, sampled_softmax_above=19, sampled_classes=5)
    targets = tf.ones(M, tf.int64)
    exact, again = (head(_hidden(), targets, training=False).loss for _ in range(2))
    np.testing.assert_array_equal(exact, again)
    draws = np.stack([head(_hidden(), targets, training=True).loss for _ in range(10)])
    assert draws.std(0).min() > 0 and np.isfinite(draws).all()


@pytest.mark.slow
def test_sampled_softmax_is_tensorflow_s() -> None:
    """Of a value that is drawn twice TensorFlow leaves out one only: drawn without such, they are
    the same."""
    head = _head(30, sampled_softmax_above=29, sampled_classes=4)
    targets = tf.constant([1, 2, 3, 4, 4, 7], tf.int64)

    def draw(step: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        with at_step(tf.constant(step)):
            return log_uniform_samples(targets[:, None], 4, 30, step_seed(head._key))

    def suits(drawn: np.ndarray) -> bool:
        return len(set(drawn)) == 4 and bool(set(drawn) & set(targets.numpy()))

    step = next(step for step in range(100) if suits(draw(step)[0].numpy()))
    with at_step(tf.constant(step)):
        loss = head(_hidden(), targets, training=True).loss
    table = head.embedding.table
    hidden = head._projected(_hidden())
    expected = tf.nn.sampled_softmax_loss(
        table, head.bias, targets[:, None], hidden, 4, 30, sampled_values=draw(step)
    )
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


@pytest.mark.slow
def test_no_draw_of_a_cell_s_own_target_counts_against_it() -> None:
    """Frequent values are drawn many times."""
    head = _head(3, sampled_softmax_above=2, sampled_classes=2)
    for step in range(50):
        with at_step(tf.constant(step)):
            drawn = (
                log_uniform_samples(tf.constant([1]), 2, 3, step_seed(head._key))[0]
                .numpy()
                .tolist()
            )
            (loss,) = head(_hidden(1), tf.constant([1], tf.int64), training=True).loss.numpy()
        if drawn == [1, 1]:
            assert loss == 0.0
            return
    raise AssertionError("no step drew the target twice")


@pytest.mark.slow
def test_sampled_softmax_compiles_by_xla() -> None:
    head = _head(8, sampled_softmax_above=7, sampled_classes=5)
    targets = tf.constant([1, 2, 3, 4, 4, 7], tf.int64)

    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape, at_step(tf.constant(5)):
            loss = tf.reduce_mean(head(_hidden(), targets, training=True).loss)
        found = tape.gradient(
            loss, [head.embedding.table, head.bias, *head.dense.trainable_weights]
        )
        return [loss, *(tf.convert_to_tensor(gradient) for gradient in found)]

    for plain, compiled in zip(
        gradients(), tf.function(gradients, jit_compile=True)(), strict=True
    ):
        np.testing.assert_allclose(plain, compiled, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_products_of_a_mixed_policy_are_computed_in_bfloat16_and_the_rest_in_float32() -> None:
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        head = _head(20)
    finally:
        keras.mixed_precision.set_global_policy(before)
    graph = (
        tf.function(lambda x: head(x, tf.ones(M, tf.int64))).get_concrete_function(_hidden()).graph
    )
    products = [op for op in graph.get_operations() if op.type == "MatMul"]
    assert {op.inputs[0].dtype for op in products} == {tf.bfloat16}
    kind = "SparseSoftmaxCrossEntropyWithLogits"
    softmax = [op for op in graph.get_operations() if op.type == kind]
    assert [op.inputs[0].dtype for op in softmax] == [tf.float32]


@pytest.mark.parametrize("cells", [0, 3, 4, M])
def test_large_vocabularies_are_evaluated_block_by_block(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.pretraining.attribute_head._SCORES", 2 * 5)
    head, whole = (_head(5, sampled_softmax_above=above, sampled_classes=1) for above in (4, 5))
    whole.set_weights(head.get_weights())
    whole.embedding.set_weights(head.embedding.get_weights())
    given = _hidden(cells), tf.constant([1, 2, 3, 4, 4, 0][:cells], tf.int64)
    for blocks, expected in zip(
        tf.function(head, autograph=False)(*given), whole(*given), strict=True
    ):
        assert blocks.shape == (cells,)
        np.testing.assert_allclose(
            tf.cast(blocks, tf.float32), tf.cast(expected, tf.float32), rtol=1e-5
        )


@pytest.mark.slow
def test_log_q_correction_recovers_the_distribution_of_values() -> None:
    """The sampler draws frequent (low) indices far more often; uniform targets must yet be learned
    as uniform."""
    head = _head(40, sampled_softmax_above=39, sampled_classes=10)
    hidden = tf.ones((39, D))
    targets = tf.constant(np.arange(1, 40))
    _train(head, hidden, targets, steps=300)
    chance = tf.nn.softmax(head.logits(hidden[:1])).numpy()[0, 1:]
    assert 0.6 < np.median(chance[:10]) / np.median(chance[-10:]) < 1.6


def test_small_vocabularies_are_not_sampled() -> None:
    head = _head(400, sampled_softmax_above=400, sampled_classes=10)
    targets = tf.ones(M, tf.int64)
    losses = [head(_hidden(), targets, training=training).loss for training in (True, False)]
    # Blocks of rows may be added up in another order.
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)


@pytest.mark.slow
def test_training_with_sampled_softmax_lowers_the_full_loss() -> None:
    head = _head(200, sampled_softmax_above=100, sampled_classes=20)
    hidden = _hidden(32)
    targets = tf.constant(np.arange(1, 33))
    before = head(hidden, targets).loss.numpy().mean()
    _train(head, hidden, targets, steps=60)
    after = head(hidden, targets)
    assert after.loss.numpy().mean() < before / 3
    assert tf.reduce_mean(tf.cast(after.correct, tf.float32)) > 0.8


def _train(head: AttributeHead, hidden: tf.Tensor, targets: tf.Tensor, steps: int) -> None:
    optimizer = keras.optimizers.Adam(0.05)
    weights = head.trainable_weights

    @tf.function(autograph=False)
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(head(hidden, targets, training=True).loss)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    for _ in range(steps):
        step()
