"""How well each feature alone predicts each label.

A feature that is nearly always right is a leak: it was hardly known before the outcome.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from preprocessing.features import RecordFeature, record_features
from preprocessing.popularity import NEGATIVE, POSITIVE, auc_of_counts
from preprocessing.spec import DatasetSpec
from preprocessing.tables import is_absent, stable_hash

TOO_GOOD = 0.98
# What a value tells is learnt in the train split, and judged on the later ones.
LEARNT = "train"
JUDGED = "later"
_ABSENT = 0
_WORD_BUCKETS = 256
# Of the 32 bits of a number: sign, exponent and two of the fraction, so four steps per doubling.
_KEPT_BITS = 11
_PRIOR = 1.0


def checked_features(spec: DatasetSpec) -> list[RecordFeature]:
    """The features that a label may leak into: those that describe the candidate or its request.

    Statistics are left out: they end before the request, whatever the columns hold.
    """
    checked = []
    for feature in record_features(spec):
        is_read = feature.spec is not None and feature.statistic is None
        if is_read and feature.side in ("user", "context", "candidate"):
            checked.append(feature)
    return checked


def buckets_of(values: pa.Array) -> np.ndarray:
    """A small number for each value, 0 where absent: words by hash, numbers by size; int64.

    Args:
        values: Binary strings or numbers.
    """
    if pa.types.is_floating(values.type):
        bits = values.to_numpy(zero_copy_only=False).astype(np.float32).view(np.uint32)
        found = 1 + (bits >> np.uint32(32 - _KEPT_BITS)).astype(np.int64)
    else:
        hashes = stable_hash(values.cast(pa.string()))
        found = 1 + (hashes % np.uint64(_WORD_BUCKETS)).astype(np.int64)
    return np.where(is_absent(values), _ABSENT, found)


def feature_auc(counted: Mapping[str, Mapping[str, Mapping[str, int]]]) -> float | None:
    """How well the rate of positives per value, learnt in train, ranks the later splits: an AUC.

    Args:
        counted: How many candidates there are, by LEARNT or JUDGED, then by POSITIVE or NEGATIVE,
            then by bucket.

    Returns:
        None where one of the two has no positives or no negatives.
    """
    learnt = counted.get(LEARNT, {})
    judged = counted.get(JUDGED, {})
    good = learnt.get(POSITIVE, {})
    bad = learnt.get(NEGATIVE, {})
    if not good or not bad:
        return None
    mean = sum(good.values()) / (sum(good.values()) + sum(bad.values()))

    def rate(bucket: str) -> float:
        positives = good.get(bucket, 0)
        negatives = bad.get(bucket, 0)
        return (positives + _PRIOR * mean) / (positives + negatives + _PRIOR)

    positives = _by_rate(judged.get(POSITIVE, {}), rate)
    negatives = _by_rate(judged.get(NEGATIVE, {}), rate)
    return auc_of_counts(positives, negatives)


def leak_findings(aucs: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """Warnings about features that tell a label too well to have been known before the outcome.

    Args:
        aucs: A data report's `feature_auc`: AUCs by task and feature.
    """
    findings = []
    for task, found in aucs.items():
        for name, auc in found.items():
            if auc is not None and auc > TOO_GOOD:
                findings.append(
                    f"feature {name} alone tells task {task} with an AUC of {auc:.4f}: was it "
                    f"known before the outcome? If not, leave it out: what is learnt from it is of "
                    f"no use when items are ranked."
                )
    return findings


def _by_rate(counts: Mapping[str, int], rate: Callable[[str], float]) -> dict[float, int]:
    found: Counter[float] = Counter()
    for bucket, count in counts.items():
        found[rate(bucket)] += count
    return found
