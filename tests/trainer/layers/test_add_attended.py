"""The residual half of a Transformer layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trainer.layers import reference
from tests.trainer.layers.harness import randomise, run_layer_test
from tests.trainer.layers.inputs import CANDIDATES, B, D, N, random
from trainer.layers.add_attended import AddAttended


def test_harness() -> None:
    run_layer_test(
        lambda: AddAttended(D, 8, 0.1),
        lambda layer, x, attended: layer(x, attended),
        [CANDIDATES, random(B, N, D)],
        shape=(B, N, D),
        parameters=20 + 8 + 40 + 36 + 8,
    )


def test_add_attended_reference() -> None:
    layer = AddAttended(D, 8)
    attended = random(B, N, D, seed=6)
    layer(CANDIDATES, attended)
    randomise(layer)
    expected = reference.add_attended(layer, CANDIDATES, attended)
    np.testing.assert_allclose(layer(CANDIDATES, attended), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: AddAttended(0, 8), "dim=0, feedforward=8"),
        (lambda: AddAttended(4, -1), "dim=4, feedforward=-1"),
    ],
)
def test_impossible_sizes_are_refused(make: Any, received: str) -> None:
    with pytest.raises(ValueError, match=f"Received: {received}"):
        make()
