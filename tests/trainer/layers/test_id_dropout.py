"""Ids that are taken for new ones while training."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from trainer.layers.id_dropout import IdDropout
from trainer.step_seed import at_step

INDICES = np.random.default_rng(0).integers(0, 8, [200, 50])  # of 10, of which 8 and 9 are shared


def _dropped(layer: IdDropout, step: int) -> np.ndarray:
    with at_step(tf.constant(step)):
        return layer(tf.constant(INDICES), training=True).numpy()


def test_a_share_of_ids_is_each_of_the_shared_ones_as_often() -> None:
    dropped = _dropped(IdDropout(0.3, size=10, shared=2), 1)
    changed = dropped != INDICES
    assert changed[INDICES > 0].mean() == pytest.approx(0.3, abs=0.02)
    assert set(dropped[changed]) == {8, 9}
    assert (dropped[changed] == 8).mean() == pytest.approx(0.5, abs=0.05)


def test_absent_items_stay_absent() -> None:
    dropped = _dropped(IdDropout(0.9, size=10, shared=2), 1)
    np.testing.assert_array_equal(dropped == 0, INDICES == 0)


def test_a_step_draws_the_same_again_and_another_step_others() -> None:
    layer = IdDropout(0.3, size=10, shared=2)
    np.testing.assert_array_equal(_dropped(layer, 1), _dropped(layer, 1))
    assert (_dropped(layer, 1) != _dropped(layer, 2)).any()


def test_layers_draw_independently() -> None:
    first, second = (IdDropout(0.5, size=10, shared=2) for _ in range(2))
    both = (_dropped(first, 1) != INDICES) & (_dropped(second, 1) != INDICES)
    assert both[INDICES > 0].mean() == pytest.approx(0.25, abs=0.02)


def test_nothing_is_dropped_from_what_is_scored() -> None:
    layer = IdDropout(0.3, size=10, shared=2)
    np.testing.assert_array_equal(layer(tf.constant(INDICES), training=False), INDICES)


@pytest.mark.parametrize(
    ("rate", "shared", "message"), [(1.0, 1, "rate must be"), (0.1, 0, "must be shared")]
)
def test_what_can_not_be_is_refused(rate: float, shared: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IdDropout(rate, size=10, shared=shared)
