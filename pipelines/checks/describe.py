"""What changed between two sets of records, in a sentence."""

from __future__ import annotations

from pipelines.checks.distances import FeatureStatistics, absent_share
from pipelines.text import percent

_ABSENT = "(absent)"


def change(name: str, now: FeatureStatistics, before: FeatureStatistics, is_label: bool) -> str:
    """Which values a feature had and has: `“librarian” made up 5.6 % of its values, and now 24.1 %`."""
    if now.WhichOneof("stats") == "string_stats":
        return _largest_share(now, before)
    new, old = now.num_stats, before.num_stats
    if is_label:
        return f"it held for {percent(old.mean)} of the candidates, and now for {percent(new.mean)}"
    shares = absent_share(before), absent_share(now)
    absent = (
        f"; {percent(shares[0])} were absent, and now {percent(shares[1])}" if any(shares) else ""
    )
    was = f"{old.mean:.4g} (median {old.median:.4g})"
    now = f"{new.mean:.4g} (median {new.median:.4g})"
    means = f"its mean was {was}, and is now {now}"
    return means + absent


def _largest_share(now: FeatureStatistics, before: FeatureStatistics) -> str:
    new, old = _shares(now), _shares(before)
    value = max(
        sorted(new.keys() | old.keys()), key=lambda v: abs(new.get(v, 0.0) - old.get(v, 0.0))
    )
    shares = f"made up {percent(old.get(value, 0.0))} of its values, and now {percent(new.get(value, 0.0))}"
    return f"“{value or _ABSENT}” {shares}"


def _shares(feature: FeatureStatistics) -> dict[str, float]:
    """Value -> its share, of the (up to 1,000) values that the statistics keep."""
    stats = feature.string_stats
    total = stats.common_stats.tot_num_values
    return {bucket.label: bucket.sample_count / total for bucket in stats.rank_histogram.buckets}
