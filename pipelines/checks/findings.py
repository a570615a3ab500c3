"""What the checks found, in words: which feature changed, how much, and where to look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tensorflow_metadata.proto.v0 import anomalies_pb2

from pipelines.checks.config import ChecksConfig, Policy
from pipelines.checks.describe import change
from pipelines.checks.distances import Statistics, distances, features, names
from pipelines.checks.finding import Check, Finding
from preprocessing.features import RecordFeature

_METRIC = {True: "largest change of a share", False: "divergence"}  # by whether it has words
_SINCE = {"drift": "Since the previous run", "skew": "From training to serving"}

# Where a feature has values in one of two sets of records alone.
_GONE = {"drift": "has no value any more", "skew": "is never sent when serving"}
_CAME = {
    "drift": "has values, and had none in the previous run",
    "skew": "is sent when serving, and has no value in training",
}


def schema_findings(
    anomalies: Mapping[str, anomalies_pb2.Anomalies], checks: ChecksConfig
) -> Iterator[Finding]:
    """What ExampleValidator found, split by split."""
    look_at = (
        "the log's columns and the spec's features; if both are right, preprocessing/schema.py"
    )
    for split, found in sorted(anomalies.items()):
        infos = dict(found.anomaly_info)
        if found.HasField("dataset_anomaly_info"):
            infos[""] = found.dataset_anomaly_info
        for name, info in sorted(infos.items()):
            is_severe = info.severity == anomalies_pb2.AnomalyInfo.ERROR
            what = f"{info.short_description}: {info.description}".rstrip(". ")
            message = f"In split {split}, {name or 'the whole'} breaks the schema. {what}."
            policy: Policy = checks.schema_policy if is_severe else "warn"
            yield Finding("schema", policy, name, message, look_at)


def distance_findings(
    check: Check,
    policy: Policy,
    *,
    now: Statistics,
    before: Statistics,
    limits: Mapping[str, float],
    by_name: Mapping[str, RecordFeature],
) -> Iterator[Finding]:
    """What drift or skew there is between two sets of records.

    Args:
        check: Which of the two is looked for.
        policy: What follows from a finding.
        now: The statistics of the records that are looked at.
        before: Those of the previous run, or of the training split.
        limits: The largest distance that is fine, by feature.
        by_name: The features of records.
    """
    measured = distances(now, before, list(limits))
    new = features(now)
    old = features(before)
    listed = names(before)
    for name, limit in sorted(limits.items()):
        feature = by_name[name]
        look_at = _look_at(check, feature)
        # Serving requests have no labels, and a day may have none yet. A feature that the records
        # before didn't even list is new in the configuration.
        is_gone = name in old and name not in new
        is_come = name in new and name in listed and name not in old
        if (is_gone or is_come) and feature.side != "label":
            said = _GONE[check] if is_gone else _CAME[check]
            yield Finding(
                check, policy, name, f"{name} {said}.", look_at, distance=1.0, allowed=limit
            )
        elif measured.get(name, 0.0) > limit:
            how = change(name, new[name], old[name], feature.side == "label")
            metric = _METRIC[feature.dtype == "string"]
            size = f"{metric} {measured[name]:.3f}, {limit:g} is allowed"
            message = f"{_SINCE[check]}, {name} changed: {how} ({size})."
            yield Finding(
                check, policy, name, message, look_at, distance=measured[name], allowed=limit
            )


def _look_at(check: Check, feature: RecordFeature) -> str:
    if check == "skew":
        return (
            f"how the application fills {feature.name} in its requests, against the column that "
            "training reads"
        )
    if feature.side == "label":
        return "the label's rule and, where labels come late, whether all have come"
    return (
        "what fills this column in the log, and whether the users, the shown items or a filter "
        "changed"
    )
