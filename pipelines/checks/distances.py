"""How far apart two sets of records are, feature by feature, from their statistics alone."""

from __future__ import annotations

from typing import TypeAlias

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from pipelines.checks.config import ChecksConfig
from preprocessing.features import (
    CANDIDATE_ITEM_ID,
    HISTORY_ITEM_ID,
    HISTORY_TIMESTAMP,
    REQUEST_ID,
    STATISTIC_LINES,
    TIMESTAMP,
    TRAINING_EVENTS,
    USER_ID,
    USER_STATISTICS,
    RecordFeature,
    record_features,
)
from preprocessing.spec import DatasetSpec

# The list has one data set.
Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList
FeatureStatistics: TypeAlias = statistics_pb2.FeatureNameStatistics

# New users, items and days come all the time, and the catalogue's counts, the statistics table and
# what is counted of users as of now are no part of a training record.
NOT_COMPARED = (
    REQUEST_ID,
    USER_ID,
    TIMESTAMP,
    HISTORY_ITEM_ID,
    HISTORY_TIMESTAMP,
    CANDIDATE_ITEM_ID,
    TRAINING_EVENTS,
    STATISTIC_LINES,
    USER_STATISTICS,
)


def thresholds(spec: DatasetSpec, checks: ChecksConfig) -> dict[str, float]:
    """Record feature -> the largest distance that is fine, for the features that are compared.

    L-infinity for strings: the largest change of a value's share. Jensen-Shannon divergence for
    numbers.
    """
    limits: dict[str, float | None] = {}
    for feature in record_features(spec):
        if feature.name not in NOT_COMPARED:
            limits[feature.name] = _default(feature, checks)
    limits |= checks.thresholds
    found: dict[str, float] = {}
    for name, limit in limits.items():
        if limit is not None:
            found[name] = limit
    return found


def distances(now: Statistics, before: Statistics, names: list[str]) -> dict[str, float]:
    """The distance of each feature that both statistics have values of, by its kind.

    A number's is the larger of its known values' divergence and the change of its absent values'
    share.
    """
    schema = schema_pb2.Schema()
    of_now = features(now)
    of_before = features(before)
    compared = [name for name in names if name in of_now and name in of_before]
    # TFDV compares what a schema's comparators name.
    for name in compared:
        _comparator(schema.feature.add(name=name, type=_type(of_now[name])))
    measured = tfdv.validate_statistics(_known(now), schema, previous_statistics=_known(before))
    # TFDV measures known values alone; a change of the share of absent ones counts as much.
    found = {}
    for info in measured.drift_skew_info:
        name = ".".join(info.path.step)
        for measurement in info.drift_measurements:
            gone = abs(absent_share(of_now[name]) - absent_share(of_before[name]))
            found[name] = max(measurement.value, gone)
    return found


def absent_share(feature: FeatureStatistics) -> float:
    """The share of NaN among a number's values.

    0 for strings, whose absent value "" is a value like others.
    """
    histograms = feature.num_stats.histograms
    return histograms[0].num_nan / _common(feature).tot_num_values if histograms else 0.0


def _known(statistics: Statistics) -> Statistics:
    """The statistics without the absent numbers.

    TFDV would take them for a difference even where there are as many in both.
    """
    copy = statistics_pb2.DatasetFeatureStatisticsList.FromString(statistics.SerializeToString())
    for feature in copy.datasets[0].features:
        if feature.HasField("num_stats"):  # reading it would set it
            for histogram in feature.num_stats.histograms:
                histogram.num_nan = 0
    return copy


def features(statistics: Statistics) -> dict[str, FeatureStatistics]:
    """The statistics of the features that have values, by name."""
    (dataset,) = statistics.datasets
    found = {}
    for feature in dataset.features:
        common = _common(feature)
        if common.num_non_missing and common.tot_num_values:
            found[".".join(feature.path.step)] = feature
    return found


def names(statistics: Statistics) -> set[str]:
    """The names of all features, those without values among them."""
    (dataset,) = statistics.datasets
    return {".".join(feature.path.step) for feature in dataset.features}


def _common(feature: FeatureStatistics) -> statistics_pb2.CommonStatistics:
    kind = feature.WhichOneof("stats")
    return getattr(feature, kind).common_stats if kind else statistics_pb2.CommonStatistics()


def _default(feature: RecordFeature, checks: ChecksConfig) -> float:
    if feature.side == "label":
        return checks.label
    return checks.categorical if feature.dtype == "string" else checks.numeric


def _type(feature: FeatureStatistics) -> schema_pb2.FeatureType:
    proto = statistics_pb2.FeatureNameStatistics
    types = {proto.INT: schema_pb2.INT, proto.FLOAT: schema_pb2.FLOAT}
    return types.get(feature.type, schema_pb2.BYTES)


def _comparator(feature: schema_pb2.Feature) -> None:
    """TFDV measures what a comparator asks for; the threshold is applied to what it measured."""
    if feature.type == schema_pb2.BYTES:
        feature.drift_comparator.infinity_norm.threshold = 1.0
    else:
        feature.drift_comparator.jensen_shannon_divergence.threshold = 1.0
