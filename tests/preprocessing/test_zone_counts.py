"""Times that name a zone beside times that don't are counted through the job, and warned of."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from preprocessing.counts import Counts, nested
from preprocessing.sources.zone_counts import with_zones, zone_findings, zones_of, zones_report
from preprocessing.validation import validate
from tests.testing import Row, small_log, small_spec, write_small_dataset

EVENTS = {"format": "csv", "path": "events.csv", "timestamp_unit": "iso"}


@pytest.mark.parametrize(
    ("text", "has_zone"),
    [
        ("2024-05-01T12:00:00Z", True),
        ("2024-05-01 12:00+02", True),
        ("2024-05-01T12:00:00.25 -0330 ", True),
        ("2024-05-01T12:00:00", False),
        ("2024-05-01 12:00", False),
        ("2024-05-01", False),
    ],
)
def test_a_zone_is_told_from_a_date(text: str, has_zone: bool) -> None:
    rows = with_zones(pa.table({"a": [1]}), pa.array([text, "", None, "NULL"]))
    which = "named" if has_zone else "not_named"
    assert zones_of(rows, "events") == {("zones", "events", which, text): 1}


def test_only_tables_that_mix_times_are_reported() -> None:
    counts: Counts = Counter()
    for texts in (["2024-05-02T01:00", "2024-05-01T12:00Z"], ["2024-05-01T01:00"]):
        rows = with_zones(pa.table({"a": texts}), pa.array(texts))
        counts.update(zones_of(rows, "events"))
        counts.update(zones_of(with_zones(rows, pa.array(texts[-1:])), "items"))
    del counts["zones", "items", "named", "2024-05-01T12:00Z"]
    report = zones_report(nested(counts)["zones"])
    assert report == {
        "events": {"named": {"2024-05-01T12:00Z": 1}, "not_named": {"2024-05-01T01:00": 2}}
    }
    (finding,) = zone_findings(small_spec(events=EVENTS), report)
    assert finding.startswith("table events: column timestamp has times with a zone (1, such as")
    typed = with_zones(pa.table({"a": [1]}), pa.array([datetime(2024, 5, 1)]))
    assert not zones_of(typed, "events")


def test_validate_warns_of_them(tmp_path: Path) -> None:
    rows: list[Row] = []
    for n, row in enumerate(small_log(users=12, events=400)):
        time = datetime.fromtimestamp(row["timestamp"], timezone.utc)
        rows.append(row | {"timestamp": time.isoformat()[: 19 if n % 4 == 0 else None]})
    spec = write_small_dataset(tmp_path, rows, events=EVENTS)
    (warning,) = [text for text in validate(spec).warnings if "zone" in text]
    others = sum(len(row["timestamp"]) == 19 for row in rows)
    assert f"times with a zone ({len(rows) - others}, such as '2020-" in warning
    assert f"without one ({others}, such as '2020-" in warning
    zoned = [row for row in rows if "+" in row["timestamp"]]
    spec = write_small_dataset(tmp_path, zoned, events=EVENTS)
    assert not [text for text in validate(spec).warnings if "zone" in text]
