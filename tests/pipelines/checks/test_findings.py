"""Drift and schema findings: measured against hand-computed distances, told in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from tensorflow_data_validation.statistics import stats_impl, stats_options
from tensorflow_metadata.proto.v0 import anomalies_pb2

from pipelines.checks.config import ChecksConfig
from pipelines.checks.distances import distances, thresholds
from pipelines.checks.findings import Finding, distance_findings, schema_findings
from preprocessing.features import record_features
from tests.testing import small_spec

BY_NAME = {feature.name: feature for feature in record_features(small_spec())}


def statistics(**columns: Sequence[Any]) -> Any:
    """The statistics of records with one value a feature."""
    arrays: dict[str, pa.Array] = {}
    for name, values in columns.items():
        arrays[name] = pa.array([[value] for value in values])
    batch = pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
    return stats_impl.generate_statistics_in_memory(batch, stats_options.StatsOptions())


def found(now: Any, before: Any, check: Any = "drift", **checks: Any) -> list[Finding]:
    limits = thresholds(small_spec(), ChecksConfig(**checks))
    found = distance_findings(check, "warn", now=now, before=before, limits=limits, by_name=BY_NAME)
    return list(found)


def test_categorical_distance_is_the_largest_change_of_a_share() -> None:
    before = statistics(context_device=["phone"] * 80 + ["desktop"] * 20)
    now = statistics(context_device=["phone"] * 50 + ["desktop"] * 35 + ["watch"] * 15)
    assert distances(now, before, ["context_device"]) == {"context_device": pytest.approx(0.3)}
    (finding,) = found(now, before)
    assert "“phone” made up 80.0 % of its values, and now 50.0 %" in finding.message
    assert "largest change of a share 0.300, 0.1 is allowed" in finding.message
    assert (finding.feature, finding.allowed) == ("context_device", 0.1)


def test_numbers_are_compared_by_their_distribution() -> None:
    before = statistics(user_age=[float(n % 40) for n in range(400)])
    now = statistics(user_age=[70.0] * 400)
    (finding,) = found(now, before)
    assert finding.distance == pytest.approx(1.0, abs=0.01)  # no overlap
    assert "its mean was 19.5 (median 20), and is now 70 (median 70)" in finding.message


def test_absent_numbers_count_only_where_their_share_changes() -> None:
    known = [float(n % 40) for n in range(800)]
    before = statistics(user_age=known + [math.nan] * 200)
    same = statistics(user_age=[math.nan] * 200 + known[::-1])
    assert distances(same, before, ["user_age"]) == {"user_age": pytest.approx(0.0, abs=1e-3)}
    (finding,) = found(statistics(user_age=known[:600] + [math.nan] * 400), before)
    assert finding.distance == pytest.approx(0.2)
    assert "; 20.0 % were absent, and now 40.0 %" in finding.message


def test_a_label_rate_has_a_tighter_bar() -> None:
    before = statistics(label_buy=[1.0] * 100 + [0.0] * 900)
    now = statistics(label_buy=[1.0] * 200 + [0.0] * 800)
    (finding,) = found(now, before)
    assert "it held for 10.0 % of the candidates, and now for 20.0 %" in finding.message
    assert 0.005 < (finding.distance or 0) < 0.1
    assert found(before, before) == []


def test_identifiers_and_timestamps_are_left_out_unless_named() -> None:
    before = statistics(user_id=["u1"] * 50, candidate_item_id=["i1"] * 50, timestamp=[1] * 50)
    now = statistics(user_id=["u2"] * 50, candidate_item_id=["i2"] * 50, timestamp=[9] * 50)
    assert found(now, before) == []
    (finding,) = found(now, before, thresholds={"candidate_item_id": 0.5})
    assert finding.feature == "candidate_item_id"


def test_a_threshold_of_null_leaves_a_feature_out() -> None:
    before = statistics(context_device=["phone"] * 9)
    now = statistics(context_device=["desktop"] * 9)
    assert found(now, before, thresholds={"context_device": None}) == []


def test_a_feature_that_serving_never_sends_is_found() -> None:
    before = statistics(context_device=["phone"] * 9, label_buy=[1.0] * 9)
    (finding,) = found(statistics(user_age=[1.0] * 9), before, check="skew")
    assert (
        finding.message == "context_device is never sent when serving."
    )  # labels are not meant to be sent
    assert "how the application fills context_device" in finding.look_at


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("drift", "context_device has values, and had none in the previous run."),
        ("skew", "context_device is sent when serving, and has no value in training."),
    ],
)
def test_a_feature_that_has_values_now_and_had_none_is_found(check: str, said: str) -> None:
    with_values = statistics(context_device=["phone"] * 9, label_buy=[1.0] * 9)
    nothing: list[list[str]] = [[]] * 9
    columns = [pa.array(nothing, pa.list_(pa.string()))] * 2
    batch = pa.RecordBatch.from_arrays(columns, ["context_device", "label_buy"])
    empty = stats_impl.generate_statistics_in_memory(batch, stats_options.StatsOptions())
    assert [finding.message for finding in found(with_values, empty, check=check)] == [said]
    # But not where the configuration didn't have it.
    unlisted = statistics(candidate_item_id=["i1"] * 9)
    assert found(with_values, unlisted, check=check) == []


def test_schema_violations_follow_the_policy_and_warnings_warn() -> None:
    anomalies = anomalies_pb2.Anomalies()
    for name, severity in (("user_age", "ERROR"), ("context_device", "WARNING")):
        info = anomalies.anomaly_info[name]
        info.severity = anomalies_pb2.AnomalyInfo.Severity.Value(severity)
        info.short_description = "Column dropped"
        info.description = "The feature was present in no examples."
    unseen, severe = schema_findings({"train": anomalies}, ChecksConfig(schema_policy="block"))
    assert (severe.feature, severe.policy, unseen.policy) == ("user_age", "block", "warn")
    assert severe.message.startswith(
        "In split train, user_age breaks the schema. Column dropped: The feature"
    )
