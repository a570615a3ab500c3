"""What fine-tuning returns."""

from __future__ import annotations

import pytest

from tests.trainer.conftest import Exported
from trainer.distribution.backup import weights_of


def test_curves_have_a_value_an_evaluation(exported: Exported) -> None:
    curves = exported.results["curves"]
    assert exported.results["evaluations_per_epoch"] == 2
    assert {
        "loss",
        "click_auc",
        "buy_auc",
        "val_loss",
        "val_click_auc",
        "val_buy_auc",
        "val_mean_auc",
    } <= set(curves)
    assert all(len(values) == 2 for values in curves.values())
    for click, buy, mean in zip(
        curves["val_click_auc"], curves["val_buy_auc"], curves["val_mean_auc"], strict=True
    ):
        assert mean == pytest.approx((click + buy) / 2)


def test_checkpoints_hold_no_metric_which_all_workers_would_have_to_read(
    exported: Exported,
) -> None:
    ranker = exported.ranker
    assert any(weight is ranker.mean_loss.total for weight in ranker.weights)
    assert ranker.match is not None
    expected = [*ranker.trainable_weights, *ranker.match.values_apart.values()]
    # In the ranker's own order, which has a layer's weights together.
    assert sorted(map(id, weights_of(ranker))) == sorted(map(id, expected))
