"""Whether a column has one value per user, item or request, as far as the rows show."""

from __future__ import annotations

import numpy as np

from preprocessing.histories import is_run_start, run_stops
from preprocessing.inspection.profile import ColumnProfile

_ONE_VALUE = 1.02  # different values per group, on average, above which a column isn't the group's
_LEAST_REPEATED = 0.05  # the share of rows in groups of several that tells something of groups
_REQUEST_SECONDS = 60
_MOST_LONG = 0.1


class Groups:
    """Rows in groups.

    Args:
        codes: int64 [rows], the group of each row.
    """

    def __init__(self, codes: np.ndarray) -> None:
        _, self.codes, sizes = np.unique(codes, return_inverse=True, return_counts=True)
        self.repeats = bool(sizes[sizes > 1].sum() >= _LEAST_REPEATED * max(len(codes), 1))

    @classmethod
    def by(cls, *profiles: ColumnProfile) -> Groups:
        """Rows with the same values of some columns."""
        codes = profiles[0].codes
        for profile in profiles[1:]:
            codes = codes * (profile.codes.max() + 1) + profile.codes
            # Numbered anew, or the products of many columns would grow past int64.
            codes = np.unique(codes, return_inverse=True)[1]
        return cls(codes)

    def have_one(self, profile: ColumnProfile) -> bool:
        """Whether a group has one value, with few exceptions; rows without a value don't count."""
        # Where a column has a single value, having none is what tells its rows apart.
        known = ~profile.is_missing | (profile.distinct < 2)
        pairs = np.unique(self.codes[known] * (profile.codes.max() + 1) + profile.codes[known])
        return len(pairs) <= _ONE_VALUE * len(np.unique(self.codes[known]))

    def are_described_by(self, profile: ColumnProfile) -> bool:
        """Whether a column has one value per group, where groups have several rows."""
        return self.repeats and self.have_one(profile)

    def are_requests(self, time: ColumnProfile) -> bool:
        """Whether the rows of a group have about one time, as in a request but not in a session."""
        order = np.lexsort((time.times, self.codes))
        codes = self.codes[order]
        times = time.times[order]
        starts = np.flatnonzero(is_run_start(codes))
        stops = run_stops(starts, len(codes))
        several = stops - starts > 1
        spans = (times[stops - 1] - times[starts])[several]
        return not len(spans) or bool((spans > _REQUEST_SECONDS).mean() <= _MOST_LONG)
