"""How well each feature alone tells each label: one that nearly always does was hardly known in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from preprocessing.counts import Counts
from preprocessing.features import RecordFeature, record_features
from preprocessing.popularity import NEGATIVE, POSITIVE, auc_of_counts
from preprocessing.spec import DatasetSpec
from preprocessing.tables import is_absent, stable_hash

TOO_GOOD = 0.98
# What a value tells is learnt in the train split, and judged on the later ones.
LEARNT, JUDGED = "train", "later"
_ABSENT = 0
_WORD_BUCKETS = 256
_KEPT_BITS = (
    11  # of a number of 32: sign, exponent and the first two digits, so four steps to each doubling
)
_PRIOR = 1.0


def checked_features(spec: DatasetSpec) -> list[RecordFeature]:
    """The features that a label may leak into: all that describe the candidate and its request.

    Statistics are left out: they end before the request, whatever the columns hold.
    """
    read = [f for f in record_features(spec) if f.spec is not None and f.statistic is None]
    return [f for f in read if f.side in ("user", "context", "candidate")]


def buckets_of(values: pa.Array) -> np.ndarray:
    """A small number for each value, 0 where it is absent: words by hash, numbers by size; int64.

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


def count_buckets(prefix: tuple[str, ...], buckets: np.ndarray, labels: np.ndarray) -> Counts:
    """How many candidates of each bucket have the label and how many don't, under `prefix`.

    Args:
        prefix: The first part of the counters' names.
        buckets: int64 [C].
        labels: bool [C].
    """
    counts: Counts = Counter()
    for name, chosen in ((POSITIVE, labels), (NEGATIVE, ~labels)):
        of_bucket = np.bincount(buckets[chosen])
        for bucket in np.flatnonzero(of_bucket).tolist():
            key = (*prefix, name, str(bucket))
            counts[key] = int(of_bucket[bucket])
    return counts


def feature_auc(counted: Mapping[str, Mapping[str, Mapping[str, int]]]) -> float | None:
    """The AUC, on the later splits, of the rate of positives that each value has in the train split.

    Args:
        counted: LEARNT and JUDGED -> positives and negatives -> bucket -> how many.

    Returns:
        None where one of the two has no positives or no negatives.
    """
    learnt, judged = counted.get(LEARNT, {}), counted.get(JUDGED, {})
    good, bad = learnt.get(POSITIVE, {}), learnt.get(NEGATIVE, {})
    if not good or not bad:
        return None
    mean = sum(good.values()) / (sum(good.values()) + sum(bad.values()))

    def rate(bucket: str) -> float:
        positives, negatives = good.get(bucket, 0), bad.get(bucket, 0)
        return (positives + _PRIOR * mean) / (positives + negatives + _PRIOR)

    return auc_of_counts(*(_by_rate(judged.get(name, {}), rate) for name in (POSITIVE, NEGATIVE)))


def leak_findings(aucs: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """What features tell too much.

    Args:
        aucs: A data report's `feature_auc`: task -> feature -> AUC.
    """
    return [
        f"feature {name} alone tells task {task} with an AUC of {auc:.4f}: was it known before the outcome? "
        f"If not, leave it out: what is learnt from it is of no use when items are ranked."
        for task, found in aucs.items()
        for name, auc in found.items()
        if auc is not None and auc > TOO_GOOD
    ]


def _by_rate(counts: Mapping[str, int], rate: Any) -> dict[float, int]:
    found: Counter[float] = Counter()
    for bucket, count in counts.items():
        found[rate(bucket)] += count
    return found
