"""The time that a statistics table is of, and whether the log tells anything about it."""

from __future__ import annotations

import logging

from preprocessing.durations import SECONDS_PER_DAY, seconds_of, to_text
from preprocessing.errors import DataError
from preprocessing.spec import DatasetSpec
from preprocessing.spec_statistics import ALL
from preprocessing.splits import CutOffs, TimeProfile, to_iso

# So long a served model's log may have no event, whatever its windows are, as over holidays.
_SILENCE = 7 * SECONDS_PER_DAY


def table_cut_offs(profile: TimeProfile, spec: DatasetSpec, as_of: int | None) -> CutOffs:
    """The cut-offs of a job that makes a table and no records: its end is the table's time.

    Args:
        profile: When the events are that count, which come before `as_of`.
        spec: Declares the statistics.
        as_of: Seconds since 1970: the table's time. None is just after the log's last event.

    Raises:
        DataError: there is no event, or none in the longest window before `as_of`, nor in the week
            before it.
    """
    if profile.first is None or profile.last is None:
        raise DataError(
            "the log has no usable event to count: every row was rejected or too late, or there "
            "were none."
        )
    end = profile.end() if as_of is None else as_of
    _check_windows(spec, profile.last, end)
    return CutOffs(validation=end, test=end, end=end, begin=profile.first)


def _check_windows(spec: DatasetSpec, last: int, end: int) -> None:
    """Whether windows before `end` can have events, of which the last one is at `last`."""
    windows: set[str] = set()
    for statistic in spec.features.statistics.values():
        windows |= set(statistic.windows) - {ALL}
    lengths = sorted(seconds_of(window) for window in windows)
    if not lengths or end - last <= lengths[0]:
        return
    empty = [to_text(length) for length in lengths if length < end - last]
    found = (
        f"the last event before the table's time, {to_iso(end)}, is of {to_iso(last)}, so that "
        f"windows of {', '.join(empty)} have none and count 0 for every item."
    )
    if end - last > max(lengths[-1], _SILENCE):
        raise DataError(
            f"{found} Is the newest log there? Of a log that ended long ago, --as-of last makes "
            f"the table as of its last event."
        )
    logging.warning(found)
