"""Attention among candidates."""

from __future__ import annotations

import numpy as np

from tests.trainer.layers import reference
from tests.trainer.layers.harness import KEY_BIASES, randomise, run_layer_test
from tests.trainer.layers.inputs import HISTORY, MASK, D
from trainer.layers.candidate_attention import CandidateAttention


def test_harness() -> None:
    run_layer_test(
        lambda: CandidateAttention(6, 2, 8, 0.1),
        lambda layer, candidates, mask: layer(candidates, mask),
        [HISTORY, MASK],
        shape=(*HISTORY.shape[:2], 6),
        parameters=(D * 6 + 6) + 3 * (6 * 6 + 6) + (6 * 6 + 6) + (6 * 8 + 8) + (8 * 6 + 6) + 4 * 6,
        without_gradient=KEY_BIASES,
    )


def test_it_is_an_encoder_layer_over_narrowed_candidates() -> None:
    layer = CandidateAttention(6, 2, 8)
    layer(HISTORY, MASK)
    randomise(layer)
    expected = reference.encoder_layer(layer.block, reference.dense(layer.narrow, HISTORY), MASK)
    np.testing.assert_allclose(layer(HISTORY, MASK), expected, atol=1e-5)
