"""The kinds of features and the file formats by the names that a spec takes. Each is imported when it is first used."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from preprocessing.kinds.kind import Kind

# What `features.*.*.kind` takes.
KINDS = {
    "categorical": "preprocessing.kinds.categorical.Categorical",
    "multivalent": "preprocessing.kinds.multivalent.Multivalent",
    "numeric": "preprocessing.kinds.numeric.Numeric",
    "time_gap": "preprocessing.kinds.time_gap.TimeGap",
    "hour_of_day": "preprocessing.kinds.hour_of_day.HourOfDay",
    "day_of_week": "preprocessing.kinds.day_of_week.DayOfWeek",
}
# What a table's `format` takes, and the module that reads files of it; BigQuery has no files.
FORMATS = {
    "recbole": "preprocessing.sources.delimited",
    "csv": "preprocessing.sources.delimited",
    "tsv": "preprocessing.sources.delimited",
    "jsonl": "preprocessing.sources.jsonl",
    "parquet": "preprocessing.sources.parquet",
    "avro": "preprocessing.sources.avro",
}
BIGQUERY = "bigquery"


@functools.cache
def kind_of(name: str) -> Kind:
    """The kind that a spec names."""
    module, _, class_name = KINDS[name].rpartition(".")
    kind: Kind = getattr(importlib.import_module(module), class_name)()
    return kind


def reader_module(name: str) -> Any:
    """The module that reads files of a format."""
    return importlib.import_module(FORMATS[name])


def known_kind(name: str) -> str:
    """`name`, if it is a kind."""
    return _known(name, list(KINDS))


def known_format(name: str) -> str:
    """`name`, if it is a format."""
    return _known(name, [*FORMATS, BIGQUERY])


def _known(name: str, names: list[str]) -> str:
    if name not in names:
        raise ValueError(f"must be one of {', '.join(names)}")
    return name
