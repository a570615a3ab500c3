"""Every baseline exports, and SRP4CTR's options: state then scores is the whole pass, with states
as they travel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.features import candidate_inputs, user_inputs
from tests.testing_trainer import dense_inputs, random_features
from tests.trainer.conftest import TINY, Toy
from tests.trainer.layers.harness import randomise
from trainer.data import TransformedRecords
from trainer.export import assembly
from trainer.export.assembly import serving_module
from trainer.export.serving_module import ServingModule
from trainer.finetune import build_ranker
from trainer.registry import MODEL, RANKERS


@pytest.fixture(scope="module", autouse=True)
def _data_loaded_once() -> Iterator[None]:
    """What modules have of the data set, the same for all of these, takes as long as to try one."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("TransformGraph", "StatisticsTable", "_showing_inputs"):
            patched.setattr(assembly, name, _once(getattr(assembly, name)))
        patched.setattr(TransformedRecords, "catalog", _once(TransformedRecords.catalog))
        yield


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    made: list[Any] = []

    def remembered(*arguments: Any) -> Any:
        if not made:
            made.append(function(*arguments))
        return made[0]

    return remembered


def _module(
    toy: Toy, model: str, ranker: dict[str, Any] | None = None, **changes: Any
) -> ServingModule:
    settings = MODEL.of(
        {**TINY["ranker"], "model": model, **(ranker or {})}, saved=True
    )  # those that it has
    inputs = toy.inputs("train", "validation", ranker=settings, **changes)
    batch = random_features(inputs.fields(), (4, 2, 1))
    built = build_ranker(inputs, tf.data.Dataset.from_tensors((batch, {}, {})), None)
    randomise(built, seed=1)
    return serving_module(built, inputs)


def _sides(toy: Toy) -> list[dict[str, tf.Tensor]]:
    """Raw user-side and candidate-side features."""
    raws = toy.raw["validation"]
    return [dense_inputs(of(toy.spec), raws) for of in (user_inputs, candidate_inputs)]


def _both_ways(
    module: ServingModule, toy: Toy
) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """The scores by state and candidates, and those of the whole pass."""
    user, candidates = _sides(toy)
    return module.score_items(**module.encode_user(**user), **candidates), module.predict(
        **user, **candidates
    )


@pytest.mark.parametrize("model", sorted(set(RANKERS) - {"srp4ctr"}))
def test_a_packed_state_scores_as_the_whole_pass(toy: Toy, model: str) -> None:
    _check_split(_module(toy, model), toy)


def test_so_it_does_where_the_encoder_reads_no_time_gaps(toy: Toy) -> None:
    _check_split(_module(toy, "srp4ctr", encoder={**TINY["encoder"], "without": ["gap"]}), toy)


def _check_split(module: ServingModule, toy: Toy) -> None:
    split, whole = _both_ways(module, toy)
    for task in toy.spec.tasks:
        assert float(tf.math.reduce_std(whole[task])) > 1e-3
        np.testing.assert_allclose(split[task], whole[task], rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_a_state_without_rows_is_packed_in_every_precision(toy: Toy, dtype: str) -> None:
    """PNN's state is vectors alone."""
    split, whole = _both_ways(_module(toy, "pnn", export={"state_dtype": dtype}), toy)
    np.testing.assert_allclose(split["click"], whole["click"], rtol=0, atol=0.1)


def test_set_wise_candidates_see_no_padding(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither that of shorter lists in a batch nor that of the graph."""
    module = _module(toy, "srp4ctr", {"set_wise": True})
    user, candidates = _sides(toy)
    together = module.predict(**user, **candidates)["click"]
    counts = (candidates["candidate_item_id"].numpy() != b"").sum(1)
    row = int(counts.argmin())
    count = int(counts.min())
    assert count < counts.max()
    one = {name: x[row : row + 1] for name, x in user.items()}
    one |= {name: x[row : row + 1, :count] for name, x in candidates.items()}
    monkeypatch.setattr("trainer.export.serving_module.candidate_columns", lambda count: count)
    alone = module.predict(**one)["click"]
    np.testing.assert_allclose(alone[0], together[row, :count], rtol=0, atol=1e-6)
