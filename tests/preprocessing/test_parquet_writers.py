"""Parquet as other programs write it: the same log, whoever wrote it. Those that aren't installed
are left out."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from preprocessing.sources.check import columns_to_find
from preprocessing.sources.files import files_of
from preprocessing.sources.headers import check_headers
from preprocessing.sources.read import read_table
from tests.preprocessing.parts import without_nan
from tests.testing import Row, small_spec

AT = datetime.datetime(2026, 1, 2, 3, 4, 5)
SECONDS = int(AT.replace(tzinfo=datetime.timezone.utc).timestamp())
ROWS: list[Row] = [
    {
        "user_id": 7,
        "item_id": "a",
        "at": AT,
        "price": 1.5,
        "clicked": True,
        "tags": ["x", "y"],
        "brand": "b",
    },
    {
        "user_id": 2**60 + 1,
        "item_id": "b",
        "at": AT,
        "price": None,
        "clicked": False,
        "tags": [],
        "brand": None,
    },
]
EXPECTED = [
    ("7", "a", SECONDS, "x|y", 1.5, "b", 1.0),
    (str(2**60 + 1), "b", SECONDS, "", None, "", 0.0),
]


def by_arrow(path: Path) -> None:
    pq.write_table(
        pa.Table.from_pylist(ROWS),
        path / "log.parquet",
        version="1.0",
        use_deprecated_int96_timestamps=True,
    )


def by_pandas(path: Path) -> None:
    frame = pd.DataFrame(ROWS).astype({"brand": "category"})
    frame.set_index(frame["item_id"] + "!").to_parquet(path / "log.parquet")


def by_bigquery(path: Path) -> None:
    """The types that BigQuery's export has: times in UTC, NUMERIC, bytes, three-level lists."""
    columns: dict[str, list[Any]] = {}
    for name in ROWS[0]:
        columns[name] = [row[name] for row in ROWS]
    prices = columns["price"]
    columns["price"] = [None if price is None else decimal.Decimal(price) for price in prices]
    types = {
        "at": pa.timestamp("us", "UTC"),
        "price": pa.decimal128(38, 9),
        "brand": pa.binary(),
        "tags": pa.list_(pa.field("item", pa.string())),
    }
    columns["brand"] = [None if brand is None else brand.encode() for brand in columns["brand"]]
    arrays = {name: pa.array(values, types.get(name)) for name, values in columns.items()}
    pq.write_table(pa.table(arrays), path / "000000000000.parquet", compression="snappy")


def by_polars(path: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(ROWS).with_columns(polars.col("brand").cast(polars.Categorical))
    frame.write_parquet(path / "log.parquet")


def by_duckdb(path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    log = pa.Table.from_pylist(ROWS)
    price = "CAST(price AS DECIMAL(10, 2)) AS price"
    brand = "CAST(brand AS ENUM ('b', 'c')) AS brand"
    query = f"SELECT * REPLACE ({price}, {brand}) FROM log"
    connection = duckdb.connect()
    connection.register("log", log)
    connection.execute(f"COPY ({query}) TO '{path}/log.parquet'")


def by_spark(path: Path) -> None:
    sql = pytest.importorskip("pyspark.sql")
    session = (
        sql.SparkSession.builder.master("local[1]")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    schema = (
        "user_id long, item_id string, at timestamp, price double, clicked boolean, "
        "tags array<string>, brand string"
    )
    values = [list(row.values()) for row in ROWS]
    session.createDataFrame(values, schema).coalesce(1).write.parquet(str(path / "log.parquet"))
    session.stop()


@pytest.mark.parametrize(
    "write", [by_arrow, by_pandas, by_bigquery, by_polars, by_duckdb, by_spark]
)
def test_the_same_log_whoever_wrote_it(tmp_path: Path, write: Callable[[Path], Any]) -> None:
    write(tmp_path)
    spec = small_spec(
        events={"format": "parquet", "path": str(tmp_path), "timestamp": "at"},
        items=None,
        users=None,
        features={
            "item": {
                "tags": {"kind": "multivalent"},
                "price": {"kind": "numeric"},
                "brand": {"kind": "categorical"},
            }
        },
        tasks={"click": {"column": "clicked", "equals": 1}},
    )
    ((_, problems),) = check_headers(spec.events, "events", columns_to_find(spec, "events"))
    assert not problems
    (path,) = files_of(spec.events, "events")
    (good,) = read_table(spec, "events", path)
    assert isinstance(good, pa.Table)
    rows = [tuple(without_nan(row).values()) for row in good.to_pylist()]
    assert sorted(rows, key=lambda row: str(row[1])) == EXPECTED
