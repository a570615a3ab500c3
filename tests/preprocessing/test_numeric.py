"""What is learned of numbers, against NumPy, where one of them is absurd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from preprocessing.kinds.numeric import Numeric

pytestmark = pytest.mark.slow
VALUES = np.random.default_rng(0).permutation(np.linspace(0, 100, 1000))
SPARSE = np.append(np.zeros(995), np.arange(1, 6))


def _with(absurd: float) -> np.ndarray:
    return np.append(VALUES[1:], absurd)


COLUMNS = {
    "plain": ("linear", VALUES),
    "vast": ("linear", VALUES * 1e25),
    "sparse": ("linear", SPARSE),
    "skewed": ("linear", np.random.default_rng(0).exponential(size=1000)),
    "absent": ("linear", np.full(1000, np.nan)),
    "1e15": ("linear", _with(1e15)),
    "1e30": ("linear", _with(-1e30)),
    "infinite": ("linear", _with(np.inf)),
    "logarithm": ("log", VALUES),
}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    """Mean and deviation that an analysis finds of each column."""

    def analyse(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        found = {}
        for name, (scale, _) in COLUMNS.items():
            numbers = inputs[name]
            kind = Numeric(kind="numeric", scale=scale)
            of_one = kind._analyse(numbers[:, None], may_be_absurd=scale == "linear")
            for what in ("mean", "deviation"):
                found[f"{name} {what}"] = tf.ones_like(numbers) * getattr(of_one, what)[0]
        return found

    features = {name: tf.io.FixedLenFeature([], tf.float32) for name in COLUMNS}
    schema = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(features))
    rows: list[dict[str, Any]] = []
    for number in range(len(VALUES)):
        rows.append({name: np.float32(values[number]) for name, (_, values) in COLUMNS.items()})
    with tft_beam.Context(temp_dir=str(tmp_path_factory.mktemp("temp"))):
        (found, _), _ = (rows, schema) | tft_beam.AnalyzeAndTransformDataset(analyse)
    first = found[0]
    return {name: (first[f"{name} mean"], first[f"{name} deviation"]) for name in COLUMNS}


@pytest.mark.parametrize("name", ["plain", "vast", "sparse", "skewed", "logarithm"])
def test_ordinary_numbers_have_their_own_mean_and_deviation(
    name: str, learned: dict[str, tuple[float, float]]
) -> None:
    scale, values = COLUMNS[name]
    if scale == "log":
        values = np.log1p(values)
    np.testing.assert_allclose(learned[name], (values.mean(), values.std()), rtol=1e-5)


@pytest.mark.parametrize("name", ["1e15", "1e30", "infinite"])
def test_one_absurd_number_leaves_the_others_apart(
    name: str, learned: dict[str, tuple[float, float]]
) -> None:
    mean, deviation = learned[name]
    assert mean == pytest.approx(VALUES.mean(), abs=1)
    assert VALUES.std() < deviation < 1.2 * VALUES.std()


def test_no_number_has_mean_and_deviation_0(learned: dict[str, tuple[float, float]]) -> None:
    assert learned["absent"] == (0.0, 0.0)
