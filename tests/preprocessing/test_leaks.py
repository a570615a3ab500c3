"""A feature that tells a label by itself is named; one that merely helps is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from preprocessing.counts import nested
from preprocessing.leaks import (
    JUDGED,
    LEARNT,
    buckets_of,
    feature_auc,
    leak_findings,
)
from preprocessing.popularity import count_labels
from preprocessing.validation import validate
from tests.testing import Row, small_log, write_small_dataset


def _auc(values: pa.Array, labels: np.ndarray) -> float | None:
    counts = count_labels((LEARNT,), buckets_of(values), labels)
    counts += count_labels((JUDGED,), buckets_of(values), labels)
    return feature_auc(nested(counts))


def test_the_auc_is_that_of_the_rates_of_values() -> None:
    labels = np.array([True, True, True, False, False, False, False, False])
    words = pa.array([b"a", b"a", b"b", b"b", b"b", b"", b"", b""])
    # Rates: a 1, b 1/3, absent 0. Of 15 pairs of a positive and a negative: 10 + 1 * 3 in order, 2
    # ties.
    assert _auc(words, labels) == pytest.approx((10 + 3 + 1) / 15)
    numbers = pa.array([2.0, 2.1, 700.0, 1.0, -2.0, 0.0, float("nan"), 1.1])
    assert _auc(numbers, labels) == 1.0  # whatever the order of what is good
    assert _auc(words, np.zeros(8, bool)) is None


def test_an_id_of_each_row_tells_nothing_of_later_ones() -> None:
    labels = np.random.default_rng(0).random(4000) < 0.3
    ids = pa.array([f"row {n}".encode() for n in range(4000)])
    learnt = count_labels((LEARNT,), buckets_of(ids[:2000]), labels[:2000])
    judged = count_labels((JUDGED,), buckets_of(ids[2000:]), labels[2000:])
    auc = feature_auc(nested(learnt + judged))
    assert auc is not None and 0.4 < auc < 0.6


@pytest.mark.slow
def test_features_that_leak_a_label_are_named(tmp_path: Path) -> None:
    """One that is known for each candidate, one that is the request's, and none that is from a
    table."""
    log = small_log(users=12, events=400)
    rows: list[Row] = []
    for n, row in enumerate(log):
        leaks = {"price": 3 if row["action"] == "buy" else "", "device": row["action"]}
        rows.append(row | leaks | {"timestamp": row["timestamp"] + n})  # a request each
    features = {
        "item": {
            "paid": {"kind": "numeric", "column": "price", "table": "events"},
            "weight": {"kind": "numeric"},
        },
        "context": {
            "outcome": {"kind": "categorical", "column": "device"},
            "hour": {"kind": "hour_of_day"},
        },
    }
    found = validate(
        write_small_dataset(
            tmp_path, rows, features=features, tasks={"buy": {"column": "action", "equals": "buy"}}
        )
    )
    assert found.problems == []
    aucs = found.report["feature_auc"]["buy"]
    assert set(aucs) == {"candidate_paid", "candidate_weight", "context_outcome"}
    assert aucs["context_outcome"] == 1.0 and aucs["candidate_weight"] < 0.8
    text = " ".join(found.warnings)
    assert "feature context_outcome alone tells task buy with an AUC of 1.0000" in text
    assert leak_findings({"buy": {"fine": 0.97, "unknown": None}}) == []
