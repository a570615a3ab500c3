"""The layers again, in plain NumPy and loops, from their formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def softmax(x: np.ndarray) -> np.ndarray:
    exponentials = np.exp(x - x.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def dense(layer: Any, x: np.ndarray) -> np.ndarray:
    """x W + b of a Keras Dense layer, without its activation."""
    return x @ layer.kernel.numpy() + layer.bias.numpy()


def layer_norm(layer: Any, x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return (
        centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6) * layer.gamma.numpy()
        + layer.beta.numpy()
    )


def attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray, heads: int
) -> np.ndarray:
    """Scaled dot-product attention of q [B, M, D] over the cells of k and v [B, L, D] where mask
    [B, L] is true."""
    output = np.zeros_like(q)
    width = q.shape[-1] // heads
    for b, m, head in np.ndindex(q.shape[0], q.shape[1], heads):
        part = slice(head * width, (head + 1) * width)
        cells = np.flatnonzero(mask[b])
        if len(cells):
            weights = softmax(k[b, cells, part] @ q[b, m, part] / math.sqrt(width))
            output[b, m, part] = weights @ v[b, cells, part]
    return output


def leaky_relu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0.2 * x)


def add_attended(layer: Any, x: np.ndarray, attended: np.ndarray) -> np.ndarray:
    hidden = layer_norm(layer.attention_norm, x + dense(layer.output_projection, attended))
    expanded = dense(layer.contract, _ACTIVATIONS[layer.activation](dense(layer.expand, hidden)))
    return layer_norm(layer.feedforward_norm, hidden + expanded)


_ACTIVATIONS = {"gelu": gelu, "leaky_relu": leaky_relu}


def encoder_layer(layer: Any, x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    attended = attention(
        dense(layer.query, x), dense(layer.key, x), dense(layer.value, x), mask, layer.heads
    )
    return add_attended(layer.add_attended, x, attended)
