"""What rankers cost, against counts by hand, and the folded form against the unfolded one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_trainer import random_features, toy_fields, toy_spec
from tests.trainer.models.rankers import ENCODER, LENGTHS, built, scores, small
from trainer.config import TrainerConfig
from trainer.costs import ModelCost, cost_ratios, measure_cost
from trainer.flops import FlopCount
from trainer.layers.field_embedding import built_embeddings
from trainer.layers.numbers import BUCKET_WIDTH
from trainer.registry import create_ranker

pytestmark = pytest.mark.slow


def _config(**ranker: Any) -> TrainerConfig:
    return TrainerConfig.model_validate({"encoder": ENCODER, "ranker": small(**ranker)})


@pytest.fixture(scope="module")
def costs() -> dict[str, ModelCost]:
    fields = toy_fields()
    found: dict[str, ModelCost] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("trainer.costs.CANDIDATES", (100, 1000))
        for name in ("srp4ctr", "unfolded_din"):
            found[name] = measure_cost(fields, _config(model=name))
    return found


def test_the_unfolded_attention_unit_is_paid_once_a_pair(costs: dict[str, ModelCost]) -> None:
    fields = toy_fields()
    by_count = costs["unfolded_din"].items
    width = 4 * len(fields.of("history"))
    length = fields.history_length
    unit = (
        2 * length * (4 * width * 8 + 8 * 4 + 4)
    )  # the products over [k, q, k - q, k * q], then 8-4-1
    each = (by_count[1000].flops - by_count[100].flops) / 900
    assert unit < each < 2 * unit


def test_folding_takes_work_from_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.costs.CANDIDATES", (100,))
    folded = measure_cost(_fields_of(20), _config(model="din"))
    unfolded = measure_cost(_fields_of(20), _config(model="unfolded_din"))
    assert folded.user.flops > unfolded.user.flops
    assert folded.items[100].flops < unfolded.items[100].flops


def test_a_recurrence_is_counted_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.costs.CANDIDATES", ())  # the user's side alone
    short, long = (measure_cost(_fields_of(length), _config(model="dien")) for length in (4, 8))
    assert 1.6 < long.user.flops / short.user.flops < 2.1


def _fields_of(length: int) -> Any:
    return toy_fields(toy_spec(history={"length": length}))


def test_parameters_and_bytes_are_those_of_the_model(costs: dict[str, ModelCost]) -> None:
    fields = toy_fields()
    cost = costs["srp4ctr"]
    ranker = built(fields)
    assert cost.dense_parameters + cost.table_parameters == ranker.count_params()
    tables = {table.name: table.size + 1 for table in built_embeddings(ranker.embed)}
    narrow = [*ranker.user_numbers.buckets, *ranker.candidate_numbers.buckets]
    of_numbers = sum(int(table.size + 1) for table in narrow) * BUCKET_WIDTH
    assert ranker.encoder is not None
    of_encoder = sum(int(table.size + 1) for table in ranker.encoder.embeddings.values()) * 8
    assert cost.table_parameters == sum(tables.values()) * 4 + of_encoder + of_numbers
    state = ranker.encode_user(random_features(fields, [4]))
    leaves = tf.nest.flatten(state)
    numbers = sum(int(tf.size(leaf)) for leaf in leaves if leaf.dtype == tf.float32)
    integers = sum(int(tf.size(leaf)) for leaf in leaves if leaf.dtype == tf.int32)
    in_vectors = numbers * 2 + integers * 4
    assert in_vectors < cost.state_bytes < in_vectors + 100
    parts = {"user": 1, "position": fields.history_length}
    assert sum(parts[vector.of] * vector.bytes for vector in cost.state) == in_vectors


def test_shares_and_ratios() -> None:
    ours = ModelCost(FlopCount(1000, 0), {1: FlopCount(10, 0), 100: FlopCount(900, 0)}, 1, 1, 1, ())
    reference = ModelCost(
        FlopCount(0, 0), {1: FlopCount(40, 0), 100: FlopCount(3800, 0)}, 1, 1, 1, ()
    )
    assert (ours.efficiency_flops, ours.inference_flops(100)) == (1010, 19.0)
    ratios = cost_ratios({"srp4ctr": ours, "unfolded_din": reference}, "srp4ctr")
    assert ratios == {"inference_flops_ratio": 0.5, "efficiency_flops_ratio": 25.25}


def test_unfolded_and_folded_din_compute_the_same() -> None:
    """The whole model, with the folded kernels made from the unfolded ones."""
    fields = toy_fields()
    unfolded = built(fields, model="unfolded_din")
    folded = create_ranker(fields, _config(model="din"))
    features = random_features(fields, LENGTHS)
    folded(features)
    for name in ("embed", "user_numbers", "candidate_numbers"):
        getattr(folded, name).set_weights(getattr(unfolded, name).get_weights())
    kernel, bias = unfolded.unit[0].get_weights()
    of_k, of_q, of_difference, of_product = np.split(kernel, 4)
    of_pairs = [of_k + of_difference, of_q - of_difference, of_product]
    folded.din.set_weights(
        [*of_pairs, bias, *unfolded.unit[1].get_weights(), *unfolded.weight.get_weights()]
    )
    user_width = unfolded.with_user_numbers(unfolded.embed.user(features), features).shape[-1]
    _fold(folded.head.first, [first for first, _ in unfolded.experts], user_width)
    _fold(folded.head.gate, unfolded.gates, user_width)
    pairs = zip(
        [*folded.head.second, *folded.head.hidden, *folded.head.logit],
        [*(second for _, second in unfolded.experts), *unfolded.hidden, *unfolded.logit],
        strict=True,
    )
    for target, source in pairs:
        target.set_weights(source.get_weights())
    np.testing.assert_allclose(scores(folded, features), scores(unfolded, features), atol=1e-4)


def _fold(target: Any, sources: list[Any], user_width: int) -> None:
    kernel = np.concatenate([source.kernel.numpy() for source in sources], 1)
    bias = np.concatenate([source.bias.numpy() for source in sources])
    target.of_user.set_weights([kernel[:user_width], bias])
    target.of_item.set_weights([kernel[user_width:]])
