"""The typed data report is what preprocessing writes."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np

from pipelines.data_report import DataReport
from pipelines.report.sections.data import split_edges
from preprocessing.popularity import NEGATIVE, POSITIVE
from preprocessing.report import data_report
from preprocessing.splits import CutOffs, TimeProfile
from tests.testing import small_spec

DAY = 86_400
PROFILE = TimeProfile.of(np.array([0, 5 * DAY]))
COUNTS = {
    ("rows", "events", "read"): 9,
    ("rows", "events", "rejected", "no_user"): 2,
    ("rows", "items", "read"): 3,
    ("bytes", "events", "read"): 99,
    ("splits", "train", "records"): 4,
    ("splits", "train", "requests"): 4,
    ("splits", "train", "candidates"): 5,
    ("splits", "train", "positives", "buy"): 2,
    ("splits", "train", "popularity", "buy", POSITIVE, "3"): 2,
    ("splits", "train", "popularity", "buy", NEGATIVE, "0"): 3,
    ("splits", "train", "bytes"): 500,
    ("splits", "train", "candidates_a_request", "1"): 4,
    ("splits", "catalog", "records"): 3,
    ("history_length", "7"): 4,
    ("outside", "history_only"): 1,
    ("joins", "items", "rows"): 9,
    ("missing_keys", "items", "i2"): 1,
    ("label_values", "buy", "view"): 5,
    ("duplicate_keys", "items"): 1,
    ("conflicting_keys", "items"): 1,
    ("conflict_examples", "items", "item_id", "i1", "price", "1", "2"): 1,
    ("zones", "events", "named", "2024-05-01T12:00Z"): 1,
    ("zones", "events", "not_named", "2024-05-01T12:00"): 2,
    ("users",): 2,
    ("items",): 3,
}


def test_every_key_of_the_file_has_a_field_and_comes_back() -> None:
    cutoffs = CutOffs(start=DAY, validation=2 * DAY, test=3 * DAY, until=4 * DAY)
    text = data_report(small_spec(), Counter(COUNTS), cutoffs, PROFILE)
    report = DataReport.model_validate_json(text)
    assert report.to_json() == json.loads(text)
    parts = [report, *report.splits.values()]
    assert [part.model_extra for part in parts] == [{}] * len(parts), "a key without a field"
    assert (
        report.splits["train"].label_rate["buy"] == 0.4
        and report.cut_offs.until == "1970-01-05T00:00:00+00:00"
    )
    assert report.history_length.percentiles["50"] == 7


def test_an_empty_log_has_a_report_too() -> None:
    text = data_report(small_spec(), Counter(), CutOffs(validation=1, test=2), TimeProfile.empty())
    assert DataReport.model_validate_json(text).to_json() == json.loads(text)


def test_splits_lie_between_events_of_histories_only_and_those_of_labels_only() -> None:
    cutoffs = CutOffs(start=DAY, validation=2 * DAY, test=3 * DAY, until=4 * DAY)
    report = DataReport.model_validate_json(
        data_report(small_spec(), Counter(COUNTS), cutoffs, PROFILE)
    )
    assert [edge[:10] for edge in split_edges(report)] == [
        "1970-01-02",
        "1970-01-03",
        "1970-01-04",
        "1970-01-05",
    ]
    whole = CutOffs(validation=2 * DAY, test=3 * DAY)
    report = DataReport.model_validate_json(
        data_report(small_spec(), Counter(COUNTS), whole, PROFILE)
    )
    assert [edge[:10] for edge in split_edges(report)] == [
        "1970-01-01",
        "1970-01-03",
        "1970-01-04",
        "1970-01-06",
    ]
