"""What changed between two sets of records, in a sentence."""

from __future__ import annotations

from pipelines.checks.distances import FeatureStatistics, absent_share
from pipelines.text import percent

_ABSENT = "(absent)"


def change(name: str, now: FeatureStatistics, before: FeatureStatistics, is_label: bool) -> str:
    """Which values a feature had and has.

    Such as: “librarian” made up 5.6 % of its values, and now 24.1 %.
    """
    if now.WhichOneof("stats") == "string_stats":
        return _largest_share(now, before)
    new = now.num_stats
    old = before.num_stats
    if is_label:
        return f"it held for {percent(old.mean)} of the candidates, and now for {percent(new.mean)}"
    old_mean = f"{old.mean:.4g} (median {old.median:.4g})"
    new_mean = f"{new.mean:.4g} (median {new.median:.4g})"
    means = f"its mean was {old_mean}, and is now {new_mean}"
    old_absent = absent_share(before)
    new_absent = absent_share(now)
    if not old_absent and not new_absent:
        return means
    return f"{means}; {percent(old_absent)} were absent, and now {percent(new_absent)}"


def _largest_share(now: FeatureStatistics, before: FeatureStatistics) -> str:
    """The value whose share changed most."""
    new = _shares(now)
    old = _shares(before)
    changes = {}
    for value in sorted(new.keys() | old.keys()):
        changes[value] = abs(new.get(value, 0.0) - old.get(value, 0.0))
    most = max(changes, key=lambda value: changes[value])
    was = percent(old.get(most, 0.0))
    is_now = percent(new.get(most, 0.0))
    return f"“{most or _ABSENT}” made up {was} of its values, and now {is_now}"


def _shares(feature: FeatureStatistics) -> dict[str, float]:
    """Value -> its share, of the (up to 1,000) values that the statistics keep."""
    stats = feature.string_stats
    total = stats.common_stats.tot_num_values
    return {bucket.label: bucket.sample_count / total for bucket in stats.rank_histogram.buckets}
