"""A dense layer, folded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trainer.layers.harness import randomise, run_layer_test
from tests.trainer.layers.inputs import ITEMS, USER, B, N
from trainer.layers.folded_dense import FoldedDense


def _fold_dense(layer: Any, user: Any, items: Any) -> Any:
    return layer(layer.user_term(user), items)


def test_harness() -> None:
    run_layer_test(
        lambda: FoldedDense(6),
        _fold_dense,
        [USER, ITEMS],
        shape=(B, N, 6),
        parameters=3 * 6 + 6 + 2 * 6,
    )


def test_folded_dense_equals_one_dense_layer_over_both_parts() -> None:
    layer = FoldedDense(6)
    _fold_dense(layer, USER, ITEMS)
    randomise(layer)
    kernel = np.concatenate([layer.of_user.kernel.numpy(), layer.of_item.kernel.numpy()])
    both = np.concatenate([np.repeat(USER[:, None], N, 1), ITEMS], -1)
    expected = both @ kernel + layer.of_user.bias.numpy()
    np.testing.assert_allclose(_fold_dense(layer, USER, ITEMS), expected, atol=1e-6)


@pytest.mark.parametrize(("make", "received"), [(lambda: FoldedDense(0), "units=0")])
def test_impossible_sizes_are_refused(make: Any, received: str) -> None:
    with pytest.raises(ValueError, match=f"Received: {received}"):
        make()
