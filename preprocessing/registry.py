"""The kinds of features and the file formats, by the names that a spec takes.

Each is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from preprocessing.choices import Choice
from preprocessing.plugins import load, plugins

if TYPE_CHECKING:
    from preprocessing.kinds.kind import Kind
    from preprocessing.spec_sources import Source

# What `features.*.*.kind` takes.
KINDS = {
    "categorical": "preprocessing.kinds.categorical.Categorical",
    "multivalent": "preprocessing.kinds.multivalent.Multivalent",
    "numeric": "preprocessing.kinds.numeric.Numeric",
    "time_gap": "preprocessing.kinds.time_gap.TimeGap",
    "hour_of_day": "preprocessing.kinds.hour_of_day.HourOfDay",
    "day_of_week": "preprocessing.kinds.day_of_week.DayOfWeek",
}
# What a table's `format` takes: the class of its options.
FORMATS = {
    "recbole": "preprocessing.sources.delimited_files.RecboleFiles",
    "csv": "preprocessing.sources.delimited_files.CsvFiles",
    "tsv": "preprocessing.sources.delimited_files.CsvFiles",
    "jsonl": "preprocessing.spec_sources.JsonLines",
    "parquet": "preprocessing.spec_sources.ParquetFiles",
    "avro": "preprocessing.spec_sources.AvroFiles",
    "bigquery": "preprocessing.spec_bigquery.BigQuerySource",
}
KINDS |= plugins("kinds", KINDS)
FORMATS |= plugins("formats", FORMATS)

KIND: Choice[Kind] = Choice("kind", KINDS, lambda name: load(KINDS[name]))
FORMAT: Choice[Source] = Choice("format", FORMATS, lambda name: load(FORMATS[name]))
