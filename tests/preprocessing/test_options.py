"""An option belongs to the kind, format or table that reads it; elsewhere it is refused by name,
with its owner."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from preprocessing.config import SAVED, ConfigError, validated
from preprocessing.spec import DatasetSpec
from tests.testing import small_spec

PARQUET = {"format": "parquet", "path": "log.parquet"}
CSV = {"format": "csv", "path": "log.csv"}
ITEMS = {"format": "csv", "path": "items.csv", "key": "item_id"}
BIGQUERY_ITEMS = {"format": "bigquery", "bigquery": {"table": "a.b"}, "key": "item_id"}


def _refused(changes: Mapping[str, Any]) -> str:
    content = small_spec().model_dump(mode="json") | dict(changes)
    with pytest.raises(ConfigError) as error:
        validated(content, DatasetSpec, "shop.yaml")
    return str(error.value)


def _feature(side: str, kind: str, **options: Any) -> dict[str, Any]:
    return {"features": {side: {"x": {"kind": kind, **options}}}}


WORDS = "categorical and multivalent"
READ = "categorical, multivalent and numeric"
TEXT = "recbole, csv, tsv and jsonl"
KINDS = [
    (
        _feature("item", "categorical", buckets=50),
        "item.x.buckets",
        "numeric and time_gap",
        "categorical",
    ),
    (
        _feature("item", "multivalent", buckets=50),
        "item.x.buckets",
        "numeric and time_gap",
        "multivalent",
    ),
    (
        _feature("item", "categorical", max_values=3),
        "item.x.max_values",
        "multivalent",
        "categorical",
    ),
    (_feature("item", "numeric", max_values=3), "item.x.max_values", "multivalent", "numeric"),
    (_feature("user", "numeric", min_count=5), "user.x.min_count", WORDS, "numeric"),
    (_feature("user", "numeric", oov_buckets=5), "user.x.oov_buckets", WORDS, "numeric"),
    (_feature("context", "hour_of_day", column="nope"), "context.x.column", READ, "hour_of_day"),
    (
        _feature("context", "hour_of_day", buckets=12),
        "context.x.buckets",
        "numeric and time_gap",
        "hour_of_day",
    ),
    (_feature("context", "day_of_week", min_count=2), "context.x.min_count", WORDS, "day_of_week"),
    (_feature("behavior", "time_gap", column="nope"), "behavior.x.column", READ, "time_gap"),
    (_feature("behavior", "time_gap", table="items"), "behavior.x.table", READ, "time_gap"),
]
FORMATS = [
    (PARQUET | {"delimiter": ";"}, "delimiter", "recbole, csv and tsv", "parquet"),
    (PARQUET | {"quotes": False}, "quotes", "csv and tsv", "parquet"),
    (PARQUET | {"encoding": "latin-1"}, "encoding", TEXT, "parquet"),
    (PARQUET | {"columns": ["a"]}, "columns", "csv and tsv", "parquet"),
    (PARQUET | {"format": "avro", "encoding": "latin-1"}, "encoding", TEXT, "avro"),
    (PARQUET | {"format": "jsonl", "delimiter": ";"}, "delimiter", "recbole, csv and tsv", "jsonl"),
    (PARQUET | {"format": "recbole", "quotes": True}, "quotes", "csv and tsv", "recbole"),
    (PARQUET | {"format": "recbole", "columns": ["a"]}, "columns", "csv and tsv", "recbole"),
    (CSV | {"bigquery": {"table": "a.b"}}, "bigquery", "bigquery", "csv"),
    (
        {"format": "bigquery", "bigquery": {"table": "a.b"}, "quotes": False},
        "quotes",
        "csv and tsv",
        "bigquery",
    ),
]


@pytest.mark.parametrize(
    ("changes", "place", "owners", "kind"), KINDS, ids=[f"{k} {p}" for _, p, _, k in KINDS]
)
def test_an_option_of_another_kind(
    changes: dict[str, Any], place: str, owners: str, kind: str
) -> None:
    option = place.rpartition(".")[2]
    expected = (
        f"shop.yaml: features.{place}: `{option}` is an option of kind {owners}, not of {kind}."
    )
    assert _refused(changes) == expected


@pytest.mark.parametrize(
    ("events", "option", "owners", "of"), FORMATS, ids=[f"{f} {o}" for _, o, _, f in FORMATS]
)
def test_an_option_of_another_format(
    events: dict[str, Any], option: str, owners: str, of: str
) -> None:
    expected = (
        f"shop.yaml: events.{option}: `{option}` is an option of format {owners}, not of {of}."
    )
    assert _refused({"events": events}) == expected


def test_all_of_them_are_told_at_once() -> None:
    said = _refused(
        {"events": PARQUET | {"delimiter": ";", "quotes": True, "encoding": "latin-1", "usr": "u"}}
    )
    assert [line.split(": ")[1] for line in said.splitlines()] == [
        "events.delimiter",
        "events.quotes",
        "events.encoding",
        "events.usr",
    ]
    assert "unknown key. Did you mean 'user'?" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"events": CSV | {"timestamp_unit": "ms", "timestamp_format": "%Y-%m-%d"}},
            "`timestamp_unit` doesn't count beside",
        ),
        (
            {"items": ITEMS | {"timestamp_unit": "ms"}},
            "`timestamp_unit` counts only beside `timestamp`",
        ),
        (
            {"items": ITEMS | {"timestamp_format": "%Y-%m-%d"}},
            "`timestamp_format` counts only beside `timestamp`",
        ),
        (
            {"events": CSV | {"explode": {"columns": ["shown"], "part_separator": "-"}}},
            "`part_separator` counts only beside `parts`",
        ),
        (
            {"events": CSV | {"delimiter": "::", "quotes": True}},
            "quotes are only read with a delimiter of one ASCII character. Leave `quotes` out",
        ),
        (
            {"events": CSV | {"delimiter": "§", "quotes": True}},
            "Received: quotes=true, delimiter='§'",
        ),
        (
            {"items": BIGQUERY_ITEMS | {"bigquery": {"table": "a.b", "shards": 8}}},
            "give it as events.bigquery.shards. Received: shards=8",
        ),
        ({"users": ITEMS | {"title": "name"}}, "users.title has no effect"),
        (
            {"context": ITEMS | {"title": "name", "on": "town"}},
            "context.title has no effect",
        ),
        (
            {
                "features": {"match": {"item_id": {"last": 30}}},
                "history": {"length": 20},
            },
            "features.match.item_id.last must not exceed history.length, 20",
        ),
    ],
)
def test_an_option_that_another_one_makes_idle(changes: dict[str, Any], said: str) -> None:
    assert said in _refused(changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"events": CSV | {"delimiter": "::"}},
        {"events": CSV | {"delimiter": "::", "quotes": False}},
        {"events": CSV | {"delimiter": ";", "quotes": True}},
        {"items": BIGQUERY_ITEMS},
    ],
)
def test_what_counts_is_taken_and_written_so_that_it_can_be_read_again(
    changes: dict[str, Any],
) -> None:
    content = small_spec().model_dump(mode="json") | changes
    spec = DatasetSpec.model_validate(content)
    assert DatasetSpec.model_validate(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            _feature("item", "catgorical"),
            "features.item.x.kind: must be one of categorical, .*Did you mean 'categorical'",
        ),
        (
            _feature("item", "categorical", min_cont=2),
            "features.item.x.min_cont: unknown key. Did you mean 'min_count'",
        ),
        (
            _feature("item", "categorical", min_count=0),
            "features.item.x.min_count: .*greater than or equal to 1",
        ),
        ({"features": {"item": {"x": {}}}}, "features.item.x.kind: this key is missing"),
        ({"features": {"item": {"x": 3}}}, "features.item.x: .*valid dictionary"),
        (
            {"events": {"format": "cvs", "path": "a"}},
            "events.format: must be one of .*Did you mean 'csv'",
        ),
        ({"events": {"format": "csv"}}, "events.path: this key is missing"),
        ({"events": {"path": "a.csv"}}, "events.format: this key is missing"),
        ({"events": {"format": "bigquery"}}, "events.bigquery: this key is missing"),
        ({"events": {"format": "csv", "source": {}}}, "events.source: unknown key"),
    ],
)
def test_mistakes_within_a_kind_or_format(changes: dict[str, Any], said: str) -> None:
    assert re.search(said, _refused(changes))


IDLE = [
    {"events": CSV | {"delimiter": "::", "quotes": True}},
    {"items": BIGQUERY_ITEMS | {"bigquery": {"table": "a.b", "shards": 64}}},
]


@pytest.mark.parametrize(
    "changes",
    [changes for changes, *_ in KINDS] + [{"events": events} for events, *_ in FORMATS] + IDLE,
)
def test_what_an_earlier_version_wrote_is_read_without_what_it_ignored(
    changes: dict[str, Any],
) -> None:
    content = small_spec().model_dump(mode="json") | changes
    spec = DatasetSpec.model_validate(content, context=SAVED)
    assert DatasetSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_a_spec_survives_json() -> None:
    spec = small_spec(
        events=CSV | {"timestamp_format": "%Y-%m-%d", "explode": {"columns": ["shown"]}}
    )
    assert DatasetSpec.from_json(spec.model_dump_json()) == spec
    assert DatasetSpec.model_validate_json(spec.model_dump_json()) == spec
