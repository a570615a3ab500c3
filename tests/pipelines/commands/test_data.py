"""`srp4ctr data inspect` and `validate`: what they say is so, and the config that is written really
runs."""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner, Result

from pipelines.app import app
from pipelines.config import load_run_config
from preprocessing.sources.check import check_sources
from preprocessing.spec_records import TimeSplit
from tests.pipelines.conftest import srp4ctr
from tests.preprocessing.test_inspection import page_log, without
from tests.testing import (
    EVENT_COLUMNS,
    START,
    Row,
    build_records,
    small_log,
    small_spec,
    write_csv,
    write_small_dataset,
)


def invoke(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "220", "TERM": "dumb"}).invoke(
        app, ["data", *map(str, arguments)]
    )


def impressions(users: int = 30) -> list[Row]:
    """An impression log with item and user columns beside the events'."""
    rows: list[Row] = []
    for row in small_log(users=users, events=800):
        rows.append(
            {
                "memberId": row["user_id"],
                "sku": row["item_id"],
                "shown_at": row["timestamp"] * 1000,
                "clicked": int(row["action"] == "buy"),
                "category": f"c{int(row['item_id'][1:]) % 4}",
                "city": f"t{int(row['user_id'][1:]) % 3}",
                "slot": row["device"] or "none",
            }
        )
    return rows


def line_of(output: str, column: str) -> str:
    lines = []
    for line in output.splitlines():
        cells = line.split("│")
        if len(cells) > 1 and cells[1].strip() == column:
            lines.append(line)
    (line,) = lines
    return line


def test_inspect_says_what_columns_look_like(tmp_path: Path) -> None:
    rows = impressions()
    write_csv(tmp_path / "shop.csv", rows)
    done = invoke("inspect", tmp_path / "shop.csv")
    assert done.exit_code == 0, done.output
    assert "user" in line_of(done.output, "memberId") and "item" in line_of(done.output, "sku")
    assert "time (ms)" in line_of(done.output, "shown_at") and "2020-09-1" in line_of(
        done.output, "shown_at"
    )
    assert "task (equals: 1)" in line_of(done.output, "clicked")
    assert "item feature (categorical)" in line_of(done.output, "category")
    assert "user feature (categorical)" in line_of(done.output, "city")
    assert "context feature (categorical)" in line_of(done.output, "slot")
    distinct = len({(row["memberId"], row["sku"], row["shown_at"]) for row in rows})
    assert f"{len(rows) - distinct} rows repeat a user, item and time" in done.output
    users = len({row["memberId"] for row in rows})
    assert f"{users} users with {len(rows) / 30:.1f} events on average (median " in done.output


def test_inspect_names_a_missing_file_as_it_was_given() -> None:
    done = invoke("inspect", "nowhere/shop.csv")
    assert done.exit_code == 1 and "Error: nowhere/shop.csv: no such file.\n" in done.output
    done = invoke("inspect", "nowhere/shop-*.csv")
    assert done.exit_code == 1 and "Error: nowhere/shop-*.csv: no such file.\n" in done.output
    done = invoke("inspect", "nowhere://shop.csv")
    assert done.exit_code == 1 and "Error: nowhere://shop.csv: can't be looked up:" in done.output


@pytest.mark.parametrize("given", ["shop-1.csv", "shop-*.csv", "../logs/*", "../lo*/shop-?.csv"])
def test_inspect_writes_whole_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    write_csv(folder / "shop-1.csv", impressions())
    monkeypatch.chdir(folder)
    config = tmp_path / "shop.yaml"
    done = invoke("inspect", given, "--format", "csv", "--output", config)
    assert done.exit_code == 0, done.output
    monkeypatch.chdir(tmp_path)
    spec = load_run_config(config).spec
    assert spec.events.path == f"{folder}/{given}"
    check_sources(spec)


@pytest.mark.parametrize("given", ["data/logs/shop-*.csv", "data/../data/logs/shop-*.csv", "whole"])
def test_inspect_writes_paths_below_the_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    (tmp_path / "data" / "logs").mkdir(parents=True)
    write_csv(tmp_path / "data" / "logs" / "shop-1.csv", impressions())
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "data" / "logs" / "shop-*.csv" if given == "whole" else given
    assert invoke("inspect", log, "--output", "shop.yaml").exit_code == 0
    assert yaml.safe_load(Path("shop.yaml").read_text())["dataset"]["events"]["path"] == (
        "logs/shop-*.csv"
    )
    check_sources(load_run_config("shop.yaml").spec)


def test_inspect_cuts_nothing_in_a_narrow_terminal(tmp_path: Path) -> None:
    write_csv(tmp_path / "shop.csv", impressions())
    done = CliRunner(env={"COLUMNS": "80", "TERM": "dumb"}).invoke(
        app, ["data", "inspect", str(tmp_path / "shop.csv")]
    )
    assert done.exit_code == 0, done.output
    assert "…" not in done.output


def test_inspect_says_why_a_column_can_be_no_feature(tmp_path: Path) -> None:
    rows: list[Row] = []
    for n, row in enumerate(impressions()):
        odd = {"": n % 3, "currency": "EUR", "nota\nbene": f"text {n}", "unused": ""}
        odd["coupon"] = "SALE" if n % 10 < 3 else ""
        rows.append(row | odd | {"is clicked": row["clicked"]})
        del rows[-1]["clicked"]
    write_csv(tmp_path / "shop.csv", rows)
    assert (
        invoke("inspect", tmp_path / "shop.csv", "--output", tmp_path / "shop.yaml").exit_code == 0
    )
    comments = (tmp_path / "shop.yaml").read_text()
    assert "column: is clicked" in comments and "clicked is left out" not in comments
    for line in (
        "# '' is left out: it has no name.",
        "# currency is left out: it has the same value in all rows.",
        "# coupon is left out: it has a single value, and none in ",
        "# unused is left out: it has no value in any row.",
        "# nota bene is left out: its values rarely repeat, as those of an id or of free text.",
    ):
        assert line in comments


def test_inspect_takes_odd_names_and_makes_the_folder_of_its_config(tmp_path: Path) -> None:
    rows: list[Row] = []
    for n, row in enumerate(impressions()):
        rows.append(row | {"price [EUR]": 1 + n % 3, "seen_at": "nan"})
    (tmp_path / "logs [v2]").mkdir()
    write_csv(tmp_path / "logs [v2]" / "shop[1].CSV", rows)
    done = invoke(
        "inspect",
        tmp_path / "logs [v2]" / "shop[1].CSV",
        "--output",
        tmp_path / "new" / "shop.yaml",
    )
    assert done.exit_code == 0, done.output
    assert "shop[1].CSV" in done.output and line_of(done.output, "price [EUR]")
    assert (tmp_path / "new" / "shop.yaml").is_file()
    (tmp_path / "file").write_text("")
    done = invoke(
        "inspect",
        tmp_path / "logs [v2]" / "shop[1].CSV",
        "--output",
        tmp_path / "file" / "shop.yaml",
    )
    assert done.exit_code == 1 and "file/shop.yaml: can't be written" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("log", ["impressions", "pages", "deeds", "feedback", "ratings", "ml-100k"])
def test_the_config_that_inspect_writes_runs(tmp_path: Path, ml_100k_dir: Path, log: str) -> None:
    path = tmp_path / "My log.csv"
    if log == "impressions":
        write_csv(path, impressions())
    elif log == "pages":
        write_csv(path, page_log("Y", "N", pages=600))
    elif log == "deeds":
        shown = [r | {"action": "impression"} for r in small_log()]
        clicked = [r | {"action": "click", "timestamp": r["timestamp"] + 5} for r in shown[::3]]
        write_csv(path, shown + clicked)
    elif log == "feedback":
        write_csv(
            path,
            [{"uid": r["user_id"], "iid": r["item_id"], "ts": r["timestamp"]} for r in small_log()],
        )
    elif log == "ratings":
        path = tmp_path / "ratings.jsonl"
        lines: list[str] = []
        for n, row in enumerate(small_log()):
            rating = {"user": row["user_id"], "movie": row["item_id"], "time": row["timestamp"]}
            lines.append(json.dumps(rating | {"stars": n % 5 + 1}))
        path.write_text("\n".join(lines))
    else:
        path = tmp_path / "log.inter"
        path.write_bytes(
            b"\n".join((ml_100k_dir / "ml-100k.inter").read_bytes().split(b"\n")[:3000]) + b"\n"
        )
    config = tmp_path / "starter.yaml"
    done = invoke("inspect", path, "--output", config)
    assert done.exit_code == 0, done.output
    spec = load_run_config(config).spec
    check_sources(spec)
    records = build_records(spec, tmp_path, shards=2)
    task = next(iter(spec.tasks))
    for split in ("train", "validation", "test"):
        labels: list[float] = []
        for record in records[split]:
            labels += record[f"label_{task}"]
        assert 0 < sum(labels) < len(labels), split
    validated = invoke("validate", config)
    assert validated.exit_code == 0 and "alone tells task" not in validated.output


def test_inspect_reads_other_encodings_and_says_what_separates_columns(tmp_path: Path) -> None:
    rows = [
        "user_id\titem_id\ttimestamp",
        *(f"u{n % 3}\tcafé {n % 5}\t{1_600_000_000 + n}" for n in range(30)),
    ]
    path = tmp_path / "log.csv"
    path.write_bytes("\n".join(rows).encode("latin-1"))
    done = invoke("inspect", path, "--encoding", "latin-1")
    assert "The header has tabs, but no other separator: is it format: tsv?" in done.output
    done = invoke("inspect", path, "--encoding", "latin-1", "--format", "tsv")
    assert done.exit_code == 0 and "café 0" in line_of(done.output, "item_id")
    config = write_config(tmp_path, events={"format": "csv", "path": "log.csv"})
    path.write_bytes(path.read_bytes().replace(b"\t", b";"))
    output = invoke("validate", config).output.replace("\n", " ")
    assert "The header has semicolons, but no other separator: is it delimiter: ';'?" in output


HEADER = "user_id,item_id,time,price\n"
ROWS = "".join(f"u{n % 7},café {n % 5},{START + n},1.5\n" for n in range(20))


@pytest.mark.parametrize(
    ("text", "options", "causes"),
    [
        (
            (HEADER + ROWS).encode("latin-1"),
            [],
            ["20 rows", "(undecodable)", "row 2: the row holds", "give --encoding latin-1"],
        ),
        (
            (HEADER + ROWS).replace(",", ";").replace("1.5", "1,5").encode(),
            [],
            ["20 rows", "row 2: 2 fields where the header has 1", "';'? Give --delimiter"],
        ),
        (
            (HEADER + ROWS.replace("1.5", "1.5,")).encode(),
            [],
            ["20 rows", "row 2: 5 fields where the header has 4", "the header: user_id, item_id,"],
        ),
        (
            ("# exported 2024\n" + HEADER + ROWS).encode(),
            [],
            ["21 rows", "row 2: 4 fields where", "taken for the header: # exported 2024."],
        ),
        (
            ROWS.encode(),
            ["--columns", "user_id,item_id"],
            ["20 rows", "row 1: 4 fields", "--columns has 2 names: give one for each field"],
        ),
        (
            (HEADER.replace("price", "prix payé") + ROWS).encode("latin-1"),
            [],
            ["the header holds bytes that aren't UTF-8 text", "give --encoding latin-1"],
        ),
    ],
    ids=["latin-1", "semicolons", "trailing comma", "comment", "columns", "latin-1 header"],
)
def test_inspect_says_why_no_row_can_be_read(
    tmp_path: Path, text: bytes, options: list[str], causes: list[str]
) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(text)
    done = invoke("inspect", path, *options)
    assert done.exit_code == 1 and "is empty" not in done.output
    for cause in [str(path), *causes]:
        assert cause in done.output


def test_inspect_says_why_some_rows_can_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes((HEADER + ROWS).encode() + "u1,thé,1600000000,2\n".encode("latin-1"))
    done = invoke("inspect", path)
    assert done.exit_code == 0 and "20 rows read, 1 can't be read." in done.output
    assert f"1 row can't be read (undecodable), the first in {path}, row 22:" in done.output


@pytest.mark.parametrize(
    "kind",
    [pa.map_(pa.string(), pa.int64()), pa.list_(pa.struct({"a": pa.int64()})), pa.duration("s")],
    ids=["map", "structures", "duration"],
)
def test_inspect_leaves_out_a_column_of_an_odd_type(tmp_path: Path, kind: pa.DataType) -> None:
    rows = pa.Table.from_pylist(impressions())
    odd = pa.nulls(len(rows), kind)
    pq.write_table(rows.append_column("odd", odd), tmp_path / "shop.parquet")
    done = invoke("inspect", tmp_path / "shop.parquet", "--output", tmp_path / "shop.yaml")
    assert done.exit_code == 0, done.output
    assert "odd is left out: its values are of type" in done.output
    assert "# odd is left out: its values are of type" in (tmp_path / "shop.yaml").read_text()
    check_sources(load_run_config(tmp_path / "shop.yaml").spec)


def test_inspect_says_that_only_the_beginning_of_a_log_was_read(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "shop.csv", impressions())
    done = invoke("inspect", path, "--rows", 10)
    assert "10 rows read" in done.output and "only its first 10 rows were looked" in done.output
    assert "The log goes on" not in invoke("inspect", path).output


def test_inspect_points_out_ids_that_look_as_if_there_were_none(tmp_path: Path) -> None:
    rows = impressions()
    for row in rows[:50]:
        row["memberId"] = "NULL"
    done = invoke("inspect", write_csv(tmp_path / "shop.csv", rows))
    assert (
        "50 rows have 'NULL' in column memberId, which is read as an id like any other."
        in done.output
    )


def test_inspect_refuses_what_it_can_not_read(tmp_path: Path) -> None:
    write_csv(tmp_path / "plain.csv", [{"a": 1, "b": 2}] * 3)
    (tmp_path / "empty.csv").write_text("")
    odd = srp4ctr("data", "inspect", tmp_path / "plain.dat")
    assert odd.returncode == 2 and "Give --format" in odd.stderr
    assert "csv, tsv, recbole, jsonl, parquet, avro." in odd.stderr
    wrong = srp4ctr("data", "inspect", tmp_path / "plain.csv", "--encoding", "cp1252")
    assert wrong.returncode == 2
    assert "Error: --encoding 'cp1252': Input should be 'utf-8' or 'latin-1'\n" in wrong.stderr
    wrong = srp4ctr("data", "inspect", tmp_path / "x.inter", "--columns", "a,b")
    assert "Error: --columns 'a,b': `columns` is an option of" in wrong.stderr
    roles = srp4ctr("data", "inspect", tmp_path / "plain.csv", "--output", tmp_path / "x.yaml")
    assert roles.returncode == 1 and "looks like: user, item, time" in roles.stderr
    assert not (tmp_path / "x.yaml").exists()
    assert "the log is empty" in srp4ctr("data", "inspect", tmp_path / "empty.csv").stderr


def write_config(folder: Path, **changes: Any) -> Path:
    spec = write_small_dataset(folder, **changes)
    path = folder / "run.yaml"
    path.write_text(
        yaml.safe_dump({"dataset": json.loads(spec.model_dump_json(exclude_defaults=True))})
    )
    return path


def test_validate_tells_all_problems_at_once(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    rows = [dict(row) for row in small_log()]
    for row in rows[:40]:
        row["timestamp"] = "yesterday"
    rows[50]["user_id"] = ""
    write_csv(tmp_path / "events.csv", rows, EVENT_COLUMNS)
    with (tmp_path / "items.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["itemid", "name", "tags"], ["i1", "One", ""]])
    (tmp_path / "users.csv").unlink()
    done = invoke("validate", config)
    assert done.exit_code == 1
    for text in (
        "items.csv: no column 'item_id', which items.key needs",
        "items.csv: no column 'weight', which features.item.weight needs",
        "users.csv: no such file",
        f"table events: 41 of {len(rows):,} rows would be rejected",
        "4 problems.",
    ):
        assert text in done.output.replace("\n", " "), text
    for text in (
        "not_a_number",
        "missing_user",
        "row 2: column 'timestamp'",
        "timestamp_unit: iso",
    ):
        assert text in done.output


@pytest.mark.parametrize(
    ("column", "needs"),
    [("user_id", "events.user"), ("device", "features.context.device"), ("price", "tasks.dear")],
)
def test_validate_names_a_missing_column_and_nothing_that_follows(
    tmp_path: Path, column: str, needs: str
) -> None:
    config = write_config(tmp_path)
    columns = [name for name in EVENT_COLUMNS if name != column]
    write_csv(tmp_path / "events.csv", without(small_log(), column), columns)
    done = invoke("validate", config)
    assert done.exit_code == 1 and "1 problem." in done.output
    assert f"no column '{column}', which {needs} needs" in done.output
    assert "not read" in line_of(done.output, "events")


def test_validate_names_rows_that_are_all_rejected_and_nothing_that_follows(
    tmp_path: Path,
) -> None:
    rows: list[Row] = []
    for row in small_log():
        rows.append(row | {"user_id": ""})
    done = invoke("validate", write_config(tmp_path, rows=rows))
    assert done.exit_code == 1 and "1 problem." in done.output
    assert f"{len(rows):,} of {len(rows):,} rows would be rejected" in done.output


def test_validate_still_says_that_time_can_not_be_cut(tmp_path: Path) -> None:
    """Beside rows that are rejected, which don't explain it."""
    rows: list[Row] = []
    for n, row in enumerate(small_log()):
        rows.append(row | {"timestamp": START, "user_id": row["user_id"] if n % 20 else ""})
    late = {"validation_from": "2001-01-01T00:00:00Z", "test_from": "2001-01-02T00:00:00Z"}
    done = invoke("validate", write_config(tmp_path, rows=rows, split=late))
    assert done.exit_code == 1 and "2 problems." in done.output
    assert "rows would be rejected" in done.output
    assert "no event comes before split.validation_from" in done.output


def test_validate_gives_the_sizes_of_splits(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    done = invoke("validate", config)
    assert done.exit_code == 0 and "No problem found" in done.output
    split = load_run_config(config).spec.split
    assert isinstance(split, TimeSplit)
    cut = split.test_from.timestamp()
    late = [row for row in small_log() if row["timestamp"] >= cut]
    requests = len({(row["user_id"], row["timestamp"]) for row in late})
    lines = [line.split() for line in done.output.splitlines()]
    line = next(words for words in lines if words[1:2] == ["test"])
    bought = sum(row["action"] == "buy" for row in late)
    numbers = [word for word in line if word.isdigit()]
    assert numbers[:3] == [str(requests), str(len(late)), str(bought)]
    config.write_text(config.read_text().replace("tasks", "taskz"))
    assert srp4ctr("data", "validate", config).returncode == 2


def test_validate_tells_what_is_in_no_split(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    assert "Too recent" not in invoke("validate", config).output
    late = {"buy": {"column": "action", "equals": "buy", "within": "5h"}}
    done = invoke("validate", write_config(tmp_path, tasks=late))
    assert done.exit_code == 0 and "Too recent: candidates that are left out" in done.output
    lines = [line.split("│") for line in done.output.splitlines()]
    cells = next(line for line in lines if line[1:2] == [" test       "])
    assert int(cells[-2]) > 0


def test_inspect_takes_a_format_of_times_that_values_leave_open(tmp_path: Path) -> None:
    rows: list[Row] = []
    for n, row in enumerate(impressions()):
        rows.append(row | {"shown_at": f"{n % 12 + 1:02}/{n // 12 % 12 + 1:02}/2024 10:00"})
    path = write_csv(tmp_path / "shop.csv", rows)
    config = tmp_path / "shop.yaml"
    done = invoke("inspect", path, "--output", config)
    assert done.exit_code == 1 and "Write the spec by hand" not in done.output
    assert "as by --timestamp-format '%d/%m/%Y %H:%M'" in done.output
    done = invoke("inspect", path, "--output", config, "--timestamp-format", "%m/%d/%Y %H:%M")
    assert done.exit_code == 0, done.output
    assert load_run_config(config).spec.events.timestamp_format == "%m/%d/%Y %H:%M"
    done = invoke("inspect", path, "--timestamp-format", "%d.%m.%Y")
    assert done.exit_code == 1 and "no column's values are written as" in done.output
    done = invoke("inspect", path, "--timestamp-format", "%Q")
    assert done.exit_code == 2 and "--timestamp-format '%Q': %Q is not known" in done.output


def test_inspect_points_out_ids_that_are_like_others(tmp_path: Path) -> None:
    rows = impressions()
    rows[0]["sku"] = f" {rows[0]['sku']}"
    done = invoke("inspect", write_csv(tmp_path / "shop.csv", rows))
    assert "ids in column sku are like another one but for spaces" in done.output


def _small_config(folder: Path, **changes: object) -> Path:
    (folder / "data").mkdir()
    write_small_dataset(folder / "data")
    dataset = small_spec().model_dump(mode="json", exclude_none=True)
    content = {"dataset": dataset, "data_dir": str(folder / "data")}
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(content | changes))
    return path


def test_users_are_written_as_of_the_logs_end(tmp_path: Path) -> None:
    config = _small_config(tmp_path)
    to = tmp_path / "new [v2]" / "users[1].jsonl"
    last = max(int(row["timestamp"]) for row in small_log())
    for _ in range(2):  # a file that is there is replaced
        done = invoke("users", config, "--as-of", "last", "--to", to)
        assert done.exit_code == 0, done.output
        users = [json.loads(line) for line in to.read_text().splitlines()]
        assert "40 users as of 2020-" in done.output and f"are in {to}" in done.output
        assert sorted(user["user_id"] for user in users) == sorted(f"u{n}" for n in range(40))
        assert {user["timestamp"] for user in users} == {last + 1}
    assert list(to.parent.iterdir()) == [to]


def test_users_that_can_not_be_written_are_refused(tmp_path: Path) -> None:
    config = _small_config(tmp_path)
    done = invoke("users", config, "--to", tmp_path)
    assert done.exit_code == 1 and f"--to: {tmp_path} is a folder. Give a file" in done.output
    done = invoke("users", config, "--to", "gs://bucket/users.jsonl")
    assert done.exit_code == 2 and "it has to be on this machine. Received: gs:/" in done.output
    done = invoke("users", config, "--to", config / "users.jsonl")
    assert done.exit_code == 1 and "users.jsonl can't be written: " in done.output
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = invoke("users", config, "--to", pipe)
    assert done.exit_code == 1 and f"--to: {pipe} is no file" in done.output and pipe.is_fifo()
    to = tmp_path / "users.jsonl"
    to.write_text("before")
    done = invoke("users", config, "--to", to, "--as-of", str(int(time.time()) + 7200))
    assert done.exit_code == 1 and "the users would be as of 2" in done.output
    done = invoke("users", config, "--to", to, "--as-of", "1000")
    assert done.exit_code == 1 and "has an event before 1970-01-01T00:16:40" in done.output
    assert to.read_text() == "before"
