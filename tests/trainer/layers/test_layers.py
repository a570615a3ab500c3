"""Every layer through the harness, and against a NumPy reference of its formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.layers import reference
from tests.trainer.layers.harness import randomise, run_layer_test
from trainer.layers.add_attended import AddAttended
from trainer.layers.attention import attend, masked_softmax
from trainer.layers.encoder_layer import EncoderLayer, KeysValues
from trainer.layers.field_embedding import FieldEmbedding
from trainer.layers.folded_dense import FoldedDense
from trainer.layers.folded_din import FoldedDin
from trainer.layers.folded_mmoe import FoldedMmoe
from trainer.layers.querying_transformer import QueryingTransformer
from trainer.layers.uni_cross_attention import UniCrossAttention

B, N, L, D = 3, 2, 5, 4
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], bool)


def _random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


HISTORY, CANDIDATES, USER = _random(B, L, D, seed=1), _random(B, N, D, seed=2), _random(B, 3, seed=3)
ITEMS = _random(B, N, 2, seed=4)


def _encode(layer: Any, x: Any, mask: Any) -> Any:
    return layer(x, mask)[0]


def _fold_dense(layer: Any, user: Any, items: Any) -> Any:
    return layer(layer.user_term(user), items)


def _attend_as_din(layer: Any, candidates: Any, history: Any, mask: Any) -> Any:
    return layer(candidates, layer.user_state(history), mask)


def _mix(layer: Any, items: Any, user: Any) -> Any:
    return layer(items, layer.user_state(user))


def _cross_attend(layer: Any, candidates: Any, keys: Any, values: Any, mask: Any) -> Any:
    return layer(candidates, [KeysValues(keys, values), KeysValues(values, keys)], mask)


# A key's bias shifts all of a query's logits alike, so that the softmax, and with it the output, stays the same.
@pytest.mark.parametrize(
    ("make", "call", "inputs", "shape", "parameters", "without_gradient"),
    [
        pytest.param(
            lambda: AddAttended(D, 8, 0.1),
            lambda layer, x, a: layer(x, a),
            [CANDIDATES, _random(B, N, D)],
            (B, N, D),
            20 + 8 + 40 + 36 + 8,
            (),
            id="AddAttended",
        ),
        pytest.param(
            lambda: EncoderLayer(D, 2, 8, 0.1),
            _encode,
            [HISTORY, MASK],
            (B, L, D),
            3 * 20 + 112,
            ("key/bias",),
            id="EncoderLayer",
        ),
        pytest.param(
            lambda: UniCrossAttention(2, D, 2, 8, 0.1),
            _cross_attend,
            [CANDIDATES, HISTORY, HISTORY + 1, MASK],
            (B, N, D),
            2 * (20 + 112),
            (),
            id="UniCrossAttention",
        ),
        pytest.param(
            lambda: QueryingTransformer(3, D, 2, 8, 0.1),
            lambda layer, encoded, mask, user: layer(encoded, mask, user),
            [HISTORY, MASK, USER],
            (B, 3, D),
            3 * D + (3 * 3 * D + 3 * D) + 3 * 20 + 112,
            ("key/bias",),
            id="QueryingTransformer",
        ),
        pytest.param(
            lambda: FieldEmbedding(5, D, multivalent=True),
            lambda layer, indices: layer(indices),
            [np.array([[[1, 2], [0, 0]], [[5, 0], [3, 3]]])],
            (2, 2, D),
            6 * D,
            (),
            id="FieldEmbedding",
        ),
        pytest.param(
            lambda: FoldedDense(6), _fold_dense, [USER, ITEMS], (B, N, 6), 3 * 6 + 6 + 2 * 6, (), id="FoldedDense"
        ),
        pytest.param(
            lambda: FoldedDin((6, 5)),
            _attend_as_din,
            [CANDIDATES, HISTORY, MASK],
            (B, N, D),
            (D * 6 + 6) + D * 6 + D * 6 + (6 * 5 + 5) + (5 + 1),
            (),
            id="FoldedDin",
        ),
        pytest.param(
            lambda: FoldedMmoe(2, 3, (5, 4), 3, 0.1),
            _mix,
            [ITEMS, USER],
            (B, N, 2),
            (3 + 1 + 2) * 15 + (3 + 1 + 2) * 6 + 3 * (5 * 4 + 4) + 2 * (4 * 3 + 3) + 2 * (3 + 1),
            (),
            id="FoldedMmoe",
        ),
    ],
)
def test_harness(make: Any, call: Any, inputs: Any, shape: Any, parameters: int, without_gradient: Any) -> None:
    run_layer_test(make, call, inputs, shape, parameters, without_gradient)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attend_equals_loops_over_real_cells(heads: int) -> None:
    values = _random(B, L, D, seed=5)
    attended = attend(*(tf.constant(x) for x in (CANDIDATES, HISTORY, values, MASK)), heads=heads)
    np.testing.assert_allclose(attended, reference.attention(CANDIDATES, HISTORY, values, MASK, heads), atol=1e-6)
    assert not attended[2].numpy().any()


@pytest.mark.parametrize("scale", [1e4, -1e4])
def test_masked_softmax_is_stable_and_ignores_masked_logits(scale: float) -> None:
    logits, mask = tf.constant([[scale, scale, -3 * scale]]), tf.constant([[True, True, False]])
    np.testing.assert_allclose(masked_softmax(logits, mask), [[0.5, 0.5, 0.0]])


def test_masked_softmax_has_finite_gradients_where_all_is_masked() -> None:
    logits = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(masked_softmax(logits, tf.constant([[False, False], [True, True]])) * [1.0, 2.0])
    gradient = tape.gradient(loss, logits).numpy()
    assert np.isfinite(gradient).all() and gradient[1].any() and not gradient[0].any()


def test_add_attended_reference() -> None:
    layer, attended = AddAttended(D, 8), _random(B, N, D, seed=6)
    layer(CANDIDATES, attended)
    randomise(layer)
    expected = reference.add_attended(layer, CANDIDATES, attended)
    np.testing.assert_allclose(layer(CANDIDATES, attended), expected, atol=1e-5)


def test_encoder_layer_reference_and_the_keys_and_values_it_offers() -> None:
    layer = EncoderLayer(D, 2, 8)
    layer(HISTORY, MASK)
    randomise(layer)
    output, offered = layer(HISTORY, MASK)
    np.testing.assert_allclose(output, reference.encoder_layer(layer, HISTORY, MASK), atol=1e-5)
    np.testing.assert_allclose(offered.keys, reference.dense(layer.key, HISTORY), atol=1e-6)
    np.testing.assert_allclose(offered.values, reference.dense(layer.value, HISTORY), atol=1e-6)


def test_uni_cross_attention_goes_through_the_layers_one_after_another() -> None:
    layer, values = UniCrossAttention(2, D, 2, 8), _random(B, L, D, seed=7)
    _cross_attend(layer, CANDIDATES, HISTORY, values, MASK)
    randomise(layer)
    expected = CANDIDATES
    for i, (keys, offered) in enumerate([(HISTORY, values), (values, HISTORY)]):
        attended = reference.attention(reference.dense(layer.queries[i], expected), keys, offered, MASK, 2)
        expected = reference.add_attended(layer.add_attended[i], expected, attended)
    np.testing.assert_allclose(_cross_attend(layer, CANDIDATES, HISTORY, values, MASK), expected, atol=1e-5)


def test_uni_cross_attention_started_from_the_encoder_treats_a_candidate_as_a_behaviour_that_is_not_there() -> None:
    encoder = [EncoderLayer(D, 2, 8, name=f"layer_{i}") for i in range(2)]
    uca, x, offered = UniCrossAttention(2, D, 2, 8), tf.constant(HISTORY), []
    for number, layer in enumerate(encoder):
        layer(x, MASK)
        randomise(layer, seed=number)
        x, keys_values = layer(x, MASK)
        offered.append(keys_values)
    uca(CANDIDATES, offered, MASK)
    uca.start_from(encoder)
    np.testing.assert_allclose(uca(HISTORY, offered, MASK), x, atol=1e-5)


def test_querying_transformer_reference() -> None:
    layer = QueryingTransformer(3, D, 2, 8)
    layer(HISTORY, MASK, USER)
    randomise(layer)
    tokens = layer.start.numpy() + reference.dense(layer.shift, USER).reshape(B, 3, D)
    keys, values = reference.dense(layer.key, HISTORY), reference.dense(layer.value, HISTORY)
    attended = reference.attention(reference.dense(layer.query, tokens), keys, values, MASK, 2)
    expected = reference.add_attended(layer.add_attended, tokens, attended)
    np.testing.assert_allclose(layer(HISTORY, MASK, USER), expected, atol=1e-5)


def test_field_embedding_looks_up_and_gives_zeros_for_index_0() -> None:
    layer = FieldEmbedding(3, D)
    layer(tf.constant([0]))
    randomise(layer)
    table = layer.table.numpy()
    assert layer.mask_index == 3
    np.testing.assert_array_equal(layer(tf.constant([[0, 2], [3, 1]])), [[np.zeros(D), table[2]], [table[3], table[1]]])


def test_multivalent_field_embedding_is_the_mean_of_the_values_that_are_there() -> None:
    layer = FieldEmbedding(4, D, multivalent=True)
    layer(tf.constant([[0]]))
    randomise(layer)
    table = layer.table.numpy()
    expected = [(table[1] + table[2]) / 2, table[3], np.zeros(D), (2 * table[1] + table[3]) / 3]
    np.testing.assert_allclose(layer(tf.constant([[1, 2, 0], [0, 3, 0], [0, 0, 0], [1, 1, 3]])), expected, rtol=1e-6)


def test_folded_dense_equals_one_dense_layer_over_both_parts() -> None:
    layer = FoldedDense(6)
    _fold_dense(layer, USER, ITEMS)
    randomise(layer)
    kernel = np.concatenate([layer.of_user.kernel.numpy(), layer.of_item.kernel.numpy()])
    both = np.concatenate([np.repeat(USER[:, None], N, 1), ITEMS], -1)
    expected = both @ kernel + layer.of_user.bias.numpy()
    np.testing.assert_allclose(_fold_dense(layer, USER, ITEMS), expected, atol=1e-6)


def test_folded_din_equals_the_unfolded_attention_unit() -> None:
    layer = FoldedDin((6, 5))
    _attend_as_din(layer, CANDIDATES, HISTORY, MASK)
    randomise(layer)
    of_k, of_q, of_difference, of_product = (_random(D, 6, seed=seed) for seed in range(4))
    layer.of_key.kernel.assign(of_k + of_difference)
    layer.of_query.kernel.assign(of_q - of_difference)
    layer.pair_kernel.assign(of_product)
    kernel, expected = np.concatenate([of_k, of_q, of_difference, of_product]), np.zeros((B, N, D))
    for b, n, cell in np.argwhere(np.repeat(MASK[:, None], N, 1)):
        k, q = HISTORY[b, cell], CANDIDATES[b, n]
        first = reference.sigmoid(np.concatenate([k, q, k - q, k * q]) @ kernel + layer.of_key.bias.numpy())
        second = reference.sigmoid(reference.dense(layer.hidden, first))
        expected[b, n] += reference.dense(layer.score, second) * k
    np.testing.assert_allclose(_attend_as_din(layer, CANDIDATES, HISTORY, MASK), expected, atol=1e-5)


def test_folded_mmoe_equals_the_unfolded_one() -> None:
    layer, experts, tasks, width = FoldedMmoe(2, 3, (5, 4), 3), 3, 2, 5
    _mix(layer, ITEMS, USER)
    randomise(layer)
    expected = np.zeros((B, N, tasks))
    for b, n, t in np.ndindex(B, N, tasks):
        x = np.concatenate([USER[b], ITEMS[b, n]])
        first, gates = (_unfolded(folded, x) for folded in (layer.first, layer.gate))
        outputs = [
            np.maximum(reference.dense(layer.second[e], np.maximum(first[e * width : (e + 1) * width], 0)), 0)
            for e in range(experts)
        ]
        mixed = reference.softmax(gates[t * experts : (t + 1) * experts]) @ np.stack(outputs)
        expected[b, n, t] = reference.dense(layer.logit[t], np.maximum(reference.dense(layer.hidden[t], mixed), 0))[0]
    np.testing.assert_allclose(_mix(layer, ITEMS, USER), expected, atol=1e-5)


def _unfolded(layer: FoldedDense, x: np.ndarray) -> np.ndarray:
    return x @ np.concatenate([layer.of_user.kernel, layer.of_item.kernel]) + layer.of_user.bias.numpy()


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: AddAttended(0, 8), "dim=0, feedforward=8"),
        (lambda: AddAttended(4, -1), "dim=4, feedforward=-1"),
        (lambda: EncoderLayer(4, 3, 8), "dim=4, heads=3"),
        (lambda: UniCrossAttention(2, 4, 3, 8), "dim=4, heads=3"),
        (lambda: QueryingTransformer(0, 4, 2, 8), "tokens=0, dim=4, heads=2"),
        (lambda: QueryingTransformer(2, 4, 3, 8), "tokens=2, dim=4, heads=3"),
        (lambda: FieldEmbedding(0, 4), "size=0, dim=4"),
        (lambda: FoldedDense(0), "units=0"),
        (lambda: FoldedDin((80, 40, 20)), r"units=\(80, 40, 20\)"),
        (lambda: FoldedMmoe(0), "tasks=0, experts=4"),
        (lambda: FoldedMmoe(1, 0), "tasks=1, experts=0"),
    ],
)
def test_impossible_sizes_are_refused(make: Any, received: str) -> None:
    with pytest.raises(ValueError, match=f"Received: {received}"):
        make()
