"""The part of the transform graph that some inputs reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.features import candidate_inputs, user_inputs
from tests.testing_trainer import dense_inputs
from tests.trainer.conftest import Toy
from trainer.export.transform_graph import TransformGraph


def _raw(toy: Toy, sides: tuple[str, ...]) -> dict[str, Any]:
    features = [f for f in user_inputs(toy.spec) + candidate_inputs(toy.spec) if f.side in sides]
    dense = dense_inputs(features, toy.raw["validation"][:5])
    raw: dict[str, Any] = {}
    for feature in features:
        values = dense[feature.name]
        raw[feature.name] = tf.RaggedTensor.from_tensor(values) if feature.is_list else values
    return raw


@pytest.fixture(scope="module")
def transform(toy: Toy) -> TransformGraph:
    return TransformGraph(
        toy.inputs("train", "validation").transform_output().transform_savedmodel_dir
    )


@pytest.mark.parametrize("sides", [("candidate",), ("user", "context", "history"), ("user",)])
def test_equals_the_layer_of_transform(
    toy: Toy, transform: TransformGraph, sides: tuple[str, ...]
) -> None:
    layer = toy.inputs("train", "validation").transform_output().transform_features_layer()
    raw = _raw(toy, sides)
    mine, theirs = tf.function(lambda: (transform(raw), layer(dict(raw))), autograph=False)()
    assert set(mine) == set(theirs) and mine
    for name, expected in theirs.items():
        for x, y in zip(
            *(tf.nest.flatten(z, expand_composites=True) for z in (mine[name], expected)),
            strict=True,
        ):
            assert x.dtype == y.dtype
            np.testing.assert_array_equal(x, y, err_msg=name)


def test_item_ids_alone_cost_one_lookup(toy: Toy, transform: TransformGraph) -> None:
    spec = tf.RaggedTensorSpec([None, None], tf.string, ragged_rank=1)
    of_ids = tf.function(lambda ids: transform({"candidate_item_id": ids}), autograph=False)
    function = of_ids.get_concrete_function(spec)
    operations = [operation.type for operation in function.graph.get_operations()]
    assert set(function.structured_outputs) == {"candidate_item_id", "candidate_item_key"}
    assert sum(kind.startswith("LookupTableFind") for kind in operations) == 1
    assert not any("PartitionedCall" in kind for kind in operations)


def test_unknown_inputs_are_refused_by_name(transform: TransformGraph) -> None:
    with pytest.raises(ValueError, match="no input candidate_nonsense"):
        transform({"candidate_nonsense": tf.constant(["a"])})
