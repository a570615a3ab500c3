"""The lines of the statistics table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from preprocessing.statistics.exchange import KeyCounts
from preprocessing.statistics.table import statistic_lines
from tests.testing import small_spec


def test_keys_without_events_in_any_window_make_no_lines() -> None:
    """As those of a shard whose items are all out of date."""
    spec = small_spec(features={"statistics": {"item_id": {"windows": ["1d"]}}})
    statistic = spec.features.statistics["item_id"]
    # An event each, and no positive of the two tasks.
    columns = {"0": [1, 1], "1": [0, 0], "2": [0, 0]}
    counts = KeyCounts(pa.table({"key": ["a", "b"], "step": [1, 30]} | columns))
    overall = np.array([2, 0, 0])
    for step, lines in {2: 1, 31: 1, 900: 0}.items():
        table = counts.at(step, statistic)
        assert len(list(statistic_lines(spec, "item_id", table, overall))) == lines
