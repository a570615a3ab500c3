"""What workers are told of items' values doesn't grow with the parts of a log."""

from __future__ import annotations

import apache_beam as beam
import pyarrow as pa
from apache_beam.testing.util import assert_that, equal_to

from preprocessing.known_values import KnownValues, event_columns
from preprocessing.tables import to_bytes
from tests.testing import small_spec


def test_a_column_is_wanted_once_however_many_parts_lack_values() -> None:
    spec = small_spec(
        features={
            "item": {
                "brand": {"kind": "categorical", "table": "events"},
                "price": {"kind": "numeric", "table": "events"},
            }
        },
        items=None,
        users=None,
    )
    price, brand = event_columns(spec)
    rows = to_bytes(pa.table({brand: ["", "b"], price: [1.0, 2.0]}))
    users = to_bytes(pa.table({"key": ["u"]}))
    parts = [(shard, ("events", rows)) for shard in range(20)] + [(0, ("users", users))]
    with beam.Pipeline("FnApiRunner", argv=[]) as pipeline:
        wanted = KnownValues(spec, 4)._wanted(pipeline | beam.Create(parts), event_columns(spec))
        assert_that(wanted, equal_to([brand]))
