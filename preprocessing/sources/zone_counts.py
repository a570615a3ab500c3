"""How many times of a batch name a zone: told beside its rows, counted, and warned of if mixed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from preprocessing.counts import Counts
from preprocessing.hints import shortened
from preprocessing.sources.normal import normal_array
from preprocessing.sources.times import by_zone
from preprocessing.spec import DatasetSpec

NAMED = "named"
NOT_NAMED = "not_named"


def with_zones(rows: pa.Table, times: pa.Array) -> pa.Table:
    """The rows, with how many of their times name a zone, and how many don't.

    Args:
        rows: Rows of a table, with metadata or without.
        times: ISO 8601 text, or times of another type, which have no zones of their own.
    """
    texts = normal_array(times)
    if not pa.types.is_string(texts.type):
        return rows
    zoned, others = by_zone(texts)
    told = dict(rows.schema.metadata or {})
    for name, found in ((NAMED, zoned), (NOT_NAMED, others)):
        if len(found):
            told[name.encode()] = f"{len(found)} {found[0].as_py()}".encode()
    return rows.replace_schema_metadata(told)


def zones_of(rows: pa.Table, table: str) -> Counts:
    """The counters `("zones", table, which, example)` of rows that come from `with_zones`."""
    counts: Counts = Counter()
    for name in (NAMED, NOT_NAMED):
        told = (rows.schema.metadata or {}).get(name.encode())
        if told is not None:
            count, example = told.decode().split(" ", 1)
            counts["zones", table, name, example] += int(count)
    return counts


def zones_report(counted: dict[str, Any]) -> dict[str, dict[str, dict[str, int]]]:
    """The counters, where some times of a table name a zone and others don't.

    Returns:
        By table and which, one example and how many there are.
    """
    report: dict[str, dict[str, dict[str, int]]] = {}
    for table, found in counted.items():
        if len(found) > 1:
            report[table] = {
                which: {min(examples): sum(examples.values())} for which, examples in found.items()
            }
    return report


def zone_findings(spec: DatasetSpec, zones: dict[str, dict[str, dict[str, int]]]) -> list[str]:
    """A warning about each table of a data report that mixes times with a zone and without one."""
    findings: list[str] = []
    for table, found in zones.items():
        ((example, zoned),) = found[NAMED].items()
        ((other, others),) = found[NOT_NAMED].items()
        where = f"table {table}: column {getattr(spec, table).timestamp}"
        findings.append(zone_warning(where, zoned, example, others, other))
    return findings


def zone_warning(where: str, zoned: int, example: str, others: int, other_example: str) -> str:
    """What to say of a column some of whose times name a zone.

    Args:
        where: The column, and its table where there are several.
        zoned: How many of its times name a zone.
        example: One of them.
        others: How many don't.
        other_example: One of these.
    """
    return (
        f"{where} has times with a zone ({zoned:,}, such as {shortened(example)!r}) and without "
        f"one ({others:,}, such as {shortened(other_example)!r}): these are read as UTC. If they "
        f"are of another zone, write it."
    )
