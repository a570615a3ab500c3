"""The slices of the test candidates, and what the encoder gains in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.counts.sliced import ENOUGH, sliced_gains
from tests.testing import small_spec


def test_a_gain_has_its_interval_in_each_slice_that_is_large_enough() -> None:
    rng = np.random.default_rng(0)
    number = 2 * ENOUGH + 1
    users = np.arange(number) // 5
    labels = rng.random(number) < 0.5
    by_device = np.where(np.arange(number) < ENOUGH, "phone", "desk")
    by_device[-1] = "fridge"
    # The better model knows the labels where the device is a phone, and nothing elsewhere.
    theirs = rng.random(number)
    ours = np.where(by_device == "phone", labels + 0.5 * theirs, theirs)
    alike = np.where(labels, "yes", "no")
    slices = {"device": by_device, "label": alike}
    found = sliced_gains(slices, users, labels.astype(np.uint8), ours, theirs)
    assert set(found["device"]) == {"phone", "desk"}
    assert found["device"]["phone"].is_above
    assert found["device"]["desk"].points == found["device"]["desk"].low == 0
    assert found["label"] == {}  # no AUC without both labels


@pytest.mark.slow
def test_slices_are_those_of_the_evaluation(tmp_path: Path) -> None:
    import tensorflow as tf

    from pipelines.counts.tested import RawRecords

    def texts(*values: str) -> tf.train.Feature:
        encoded = [value.encode() for value in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))

    age = tf.train.Feature(float_list=tf.train.FloatList(value=[31]))
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(tmp_path / "records.gz"), options) as records:
        for candidates, history, device in ((2, 0, "phone"), (1, 10, "")):
            features = {
                "candidate_item_id": texts(*["7"] * candidates),
                "history_item_id": texts(*["3"] * history),
                "context_device": texts(device),
                "user_age": age,
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            records.write(example.SerializeToString())
    raw = RawRecords(str(tmp_path), 9, 0)
    found = raw.slices(small_spec(), ("context_device", "user_age"))
    assert {name: values.tolist() for name, values in found.items()} == {
        "history_length": ["0", "0", "10-49"],
        "context_device": ["phone", "phone", ""],
        "user_age": ["31.0", "31.0", "31.0"],
    }
