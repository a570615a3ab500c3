"""What is guessed of logs as sites write them: outcomes never become inputs, and what isn't sure is
left out."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from preprocessing.errors import DataError
from preprocessing.inspection.guess import Roles, guess_roles
from preprocessing.inspection.log import profile_log
from preprocessing.inspection.starter import starter_comments, starter_config
from preprocessing.spec import DatasetSpec
from preprocessing.spec_tables import Table
from preprocessing.validation import validate
from tests.testing import START, Row, small_log, write_csv

DAY = 86_400


def page_log(good: str = "1", bad: str = "0", pages: int = 200, size: int = 5) -> list[Row]:
    """Pages of items with what sites write beside them; `clicked` tells what became of each."""
    rng = random.Random(1)
    rows: list[Row] = []
    for page in range(pages):
        user = rng.randrange(20)
        time = START + rng.randrange(30 * DAY)
        for position in range(size):
            item = rng.randrange(40)
            clicked = rng.random() < 0.3 - 0.05 * position
            rows.append(
                {
                    "user_id": f"u{user}",
                    "session_id": f"s{user}-{page % 3}",
                    "impression_id": f"q{page}",
                    "frequency": page % 9,
                    "signup_date": f"2019-0{user % 9 + 1}-11",
                    "event_time": time,
                    "sku": f"i{item}",
                    "category": f"c{item % 5}",
                    "position": position,
                    "price": round(rng.random() * 9 + item, 2),
                    "bid": round(rng.random(), 2),
                    "device": ["phone", "web"][page % 2],
                    "member": "YN"[user % 2],
                    "dwell_ms": rng.randrange(1000) if clicked else 0,
                    "clicked": good if clicked else bad,
                }
            )
    return rows


def listed_log(pages: int = 60) -> list[Row]:
    """A row for each page of five items, a chosen one in most, and rows of actions without a
    page."""
    rng = random.Random(2)
    rows: list[Row] = []
    for page in range(pages):
        shown = rng.sample(range(40), 5)
        user = page % 12
        row: Row = {
            "user_id": f"u{user}",
            "session_id": f"s{user}",
            "timestamp": START + page * DAY // 4,
            "action_type": "clickout",
            "reference": f"i{shown[page % 3]}",
            "device": ["phone", "web"][page % 2],
        }
        rows.append(
            row
            | {
                "impressions": "|".join(f"i{item}" for item in shown),
                "prices": "|".join(str(10 + item) for item in shown),
            }
        )
        if page % 4 == 0:
            rows.append(
                row
                | {"timestamp": row["timestamp"] + 60, "action_type": "image"}
                | {"impressions": "", "prices": ""}
            )
    return rows


def roles_of(folder: Path, rows: list[Row]) -> tuple[Roles, dict[str, Any]]:
    table = Table.model_validate(
        {"format": "csv", "path": str(write_csv(folder / "log.csv", rows))}
    )
    roles = guess_roles(profile_log(table, 1_000_000).columns)
    return roles, starter_config("log", table, roles)["dataset"]


def renamed(rows: list[Row], **names: str) -> list[Row]:
    """The rows with other names for some of their columns."""
    found: list[Row] = []
    for row in rows:
        found.append({names.get(name, name): value for name, value in row.items()})
    return found


def without(rows: list[Row], column: str) -> list[Row]:
    """The rows without one of their columns."""
    found: list[Row] = []
    for row in rows:
        found.append({name: value for name, value in row.items() if name != column})
    return found


def test_a_position_on_a_page_is_told_of(tmp_path: Path) -> None:
    """A price, which may change, and what is the item's aren't."""
    renamed_rows = renamed(page_log(), position="Slot", category="display_category")
    roles, _ = roles_of(tmp_path, renamed_rows)
    assert roles.of_showings == ("Slot",)
    (note,) = [line for line in starter_comments(roles) if line.startswith("Slot ")]
    assert "a service must send it with each candidate" in note
    roles, _ = roles_of(tmp_path, without(page_log(), "position"))
    assert roles.of_showings == ()


SPELLINGS = [
    ("1", "0"),
    ("Y", "N"),
    ("t", "f"),
    ("TRUE", "FALSE"),
    ("yes", "no"),
    ("1", "-1"),
    ("1", ""),
    ("pos", "neg"),
]


@pytest.mark.parametrize(("good", "bad"), SPELLINGS)
def test_an_outcome_is_the_label_however_it_is_spelt(tmp_path: Path, good: str, bad: str) -> None:
    roles, dataset = roles_of(tmp_path, page_log(good, bad))
    condition = {"equals": 1 if good == "1" else good}
    assert dataset["tasks"] == {"clicked": {"column": "clicked"} | condition}
    assert dataset["history"]["where"] == [{"column": "clicked"} | condition]
    assert not any("clicked" in columns for columns in roles.features.values())


def test_an_outcome_whose_good_value_nobody_can_tell_is_left_out_with_a_comment(
    tmp_path: Path,
) -> None:
    roles, dataset = roles_of(tmp_path, page_log("2", "1"))
    assert roles.label is None and "negatives" in dataset
    assert "clicked" not in str(dataset["features"])
    assert "which is the good one?" in roles.left_out["clicked"]
    assert any(comment.startswith("clicked is left out:") for comment in starter_comments(roles))


def test_a_nameless_outcome_is_taken_where_only_it_differs_within_requests(tmp_path: Path) -> None:
    roles, dataset = roles_of(tmp_path, renamed(page_log("pos", "neg"), clicked="result"))
    assert dataset["tasks"] == {"result": {"column": "result", "equals": "pos"}}
    assert any("result is taken for the label" in comment for comment in starter_comments(roles))
    single: list[Row] = []
    for n, row in enumerate(page_log("Y", "N")):
        single.append(row | {"event_time": row["event_time"] + n, "impression_id": n})
    roles, dataset = roles_of(tmp_path, renamed(single, clicked="result"))
    assert roles.label is None and "perhaps an outcome" in roles.left_out["result"]


def test_columns_belong_to_what_they_describe(tmp_path: Path) -> None:
    roles, dataset = roles_of(tmp_path, page_log())
    assert (dataset["events"]["request"], dataset["events"]["timestamp"]) == (
        "impression_id",
        "event_time",
    )
    assert roles.features == {
        "user": {"member": "categorical"},
        "item": {"category": "categorical", "position": "categorical", "price": "numeric"},
        "behavior": {},
        "context": {"frequency": "categorical", "device": "categorical"},
    }
    assert set(roles.left_out) == {"session_id", "bid", "dwell_ms", "signup_date"}
    assert set(dataset["features"]["match"]) == {"item_id", "category"}
    counted = dataset["features"]["statistics"]
    assert set(counted) == {"item_id", "user", "own_item", "category"}
    assert counted.pop("own_item")["counts"] == ["events", "rate", "recency"]
    assert all(one["counts"] == ["events", "rate"] for one in counted.values())
    assert counted["item_id"]["windows"] == ["1h", "1d", "all"]  # of thirty days
    assert "&" not in yaml.safe_dump(dataset)  # no anchors in what a person is to read


def test_what_nobody_meets_twice_is_not_counted_by_user(tmp_path: Path) -> None:
    rows = []
    for number, row in enumerate(page_log()):
        item = number % 605
        rows.append(row | {"sku": f"i{item}", "category": f"c{item % 5}"})
    _, dataset = roles_of(tmp_path, rows)
    assert set(dataset["features"]["statistics"]) == {"item_id", "user", "category"}


def test_where_every_event_is_good_no_rate_is_counted(tmp_path: Path) -> None:
    _, dataset = roles_of(tmp_path, page_log("2", "1"))
    counted = dataset["features"]["statistics"]
    assert counted.pop("own_item")["counts"] == ["events", "recency"]
    assert all(one["counts"] == ["events"] for one in counted.values())


def test_a_session_is_no_request(tmp_path: Path) -> None:
    roles, dataset = roles_of(tmp_path, without(page_log(), "impression_id"))
    assert (
        "request" not in dataset["events"] and "has many requests" in roles.left_out["session_id"]
    )


def test_what_tells_the_label_alone_is_left_out(tmp_path: Path) -> None:
    """A request of one row each, and a code that says what became of it under a name that
    doesn't."""
    rows: list[Row] = []
    for n, row in enumerate(page_log(size=1)):
        rows.append(row | {"status": 7 if row["clicked"] == "1" else 3 + n % 3})
    roles, _ = roles_of(tmp_path, rows)
    assert "it alone tells the label, with an AUC of 1.000" in roles.left_out["status"]
    assert "device" in roles.features["context"]


def test_what_was_shown_is_the_candidate_where_deeds_have_rows_of_their_own(tmp_path: Path) -> None:
    kinds = {"view": "impression", "buy": "click"}
    rows = [row | {"event_type": kinds[row["action"]]} for row in small_log()]
    roles, dataset = roles_of(tmp_path, without(rows, "action"))
    assert dataset["candidates"] == {"where": [{"column": "event_type", "equals": "impression"}]}
    assert dataset["tasks"] == {
        "click": {"column": "event_type", "equals": "click", "within": "1h"}
    }
    assert dataset["history"] == {"where": [{"column": "event_type", "one_of": ["click"]}]}
    assert "event_type" in roles.features["behavior"]


def test_a_list_of_what_was_shown_beside_what_was_chosen_is_a_page(tmp_path: Path) -> None:
    roles, dataset = roles_of(tmp_path, listed_log())
    assert roles.label is not None and roles.label.rows == 60
    assert (dataset["events"]["item"], dataset["events"]["user"]) == ("impressions", "user_id")
    assert dataset["events"]["explode"] == {
        "columns": ["impressions", "prices"],
        "separator": "|",
        "position": "position",
        "without_list": "reference",
    }
    chosen = {"column": "impressions", "equals_column": "reference"}
    assert dataset["tasks"] == {"chosen": chosen}
    assert dataset["history"] == {"where": [chosen]}
    assert dataset["candidates"] == {"where": [{"column": "position", "at_least": 1}]}
    assert roles.features["item"] == {"prices": "numeric", "position": "categorical"}
    assert roles.features["behavior"] == {"action_type": "categorical"}
    assert roles.role_of("reference") == "the chosen item"
    assert "session_id" in roles.left_out


def test_what_its_starter_says_of_pages_can_be_run(tmp_path: Path) -> None:
    _, dataset = roles_of(tmp_path, listed_log())
    found = validate(DatasetSpec.model_validate(dataset))
    assert not found.problems
    assert found.report["history_events"] == {"all": 60 * 5 + 15, "entering": 60 + 15}
    assert found.report["splits"]["train"]["label_rate"]["chosen"] == pytest.approx(0.2)


@pytest.mark.slow
def test_odd_names_have_roles_and_features_like_others(tmp_path: Path) -> None:
    """And their features have names that specs allow, each its own."""
    keys = {
        "user_id": "User ID",
        "sku": "Product.ID",
        "event_time": "Created at",
        "impression_id": "Impression ID",
        "clicked": "click?",
    }
    features = {"category": "Catégorie", "price": "Price (€)", "device": "device\ntype"}
    rows: list[Row] = []
    for n, row in enumerate(renamed(page_log(pages=400), **keys, **features)):
        item = int(row["Product.ID"][1:])
        rows.append(
            row
            | {"shelf.no": f"s{item % 3}", "Shelf No": f"t{item % 7}", "shelf_no": f"r{item % 4}"}
            | {"名": f"n{item % 6}", "2nd": f"m{item % 8}", "hour": f"h{n // 5 % 24}", "": n}
        )
    roles, dataset = roles_of(tmp_path, rows)
    events = dataset["events"]
    assert events["user"] == "User ID" and events["item"] == "Product.ID"
    assert events["timestamp"] == "Created at" and events["request"] == "Impression ID"
    assert dataset["tasks"] == {"click": {"column": "click?", "equals": 1}}
    assert roles.left_out[""] == "it has no name"
    assert {name: one.get("column") for name, one in dataset["features"]["item"].items()} == {
        "categorie": "Catégorie",
        "price": "Price (€)",
        "position": None,
        "shelf_no_2": "shelf.no",
        "shelf_no_3": "Shelf No",
        "shelf_no": None,
        "column": "名",
        "column_2nd": "2nd",
    }
    context = dataset["features"]["context"]
    assert context["device_type"] == {"kind": "categorical", "column": "device\ntype"}
    assert context["hour_2"] == {"kind": "categorical", "column": "hour"}
    assert context["hour"] == {"kind": "hour_of_day"}
    assert not validate(DatasetSpec.model_validate(dataset)).problems


def test_tags_that_repeat_another_column_are_no_page(tmp_path: Path) -> None:
    rows = [row | {"tags": f"{row['category']}|new"} for row in page_log()]
    roles, dataset = roles_of(tmp_path, rows)
    assert roles.page is None and "explode" not in dataset["events"]


def test_every_event_is_good_where_no_column_tells_more(tmp_path: Path) -> None:
    """Even where neither times nor ids are numbers."""
    rows: list[Row] = []
    for n in range(200):
        day = f"2026-03-{n % 28 + 1:02}T00:00:00Z"
        rows.append({"user": f"u{n % 7}", "item": f"i{n % 60}", "at": day})
    _, dataset = roles_of(tmp_path, rows)
    assert dataset["tasks"] == {"chosen": {"column": "item", "equals_column": "item"}}
    assert not validate(DatasetSpec.model_validate(dataset)).problems


def test_times_in_another_format_are_written_with_it(tmp_path: Path) -> None:
    rows: list[Row] = []
    for row in page_log():
        at = datetime.fromtimestamp(row["event_time"], timezone.utc)
        rows.append(row | {"event_time": at.strftime("%Y-%m-%d %H:%M:%S UTC")})
    rows[7]["event_time"] = "NULL"
    roles, dataset = roles_of(tmp_path, rows)
    assert dataset["events"]["timestamp_format"] == "%Y-%m-%d %H:%M:%S %Z"
    assert "timestamp_unit" not in dataset["events"]
    (doubt,) = [comment for comment in starter_comments(roles) if "event_time" in comment]
    assert doubt.startswith("1 of 1,000 values of column 'event_time' are no likely time")
    assert not validate(DatasetSpec.model_validate(dataset)).problems


def test_a_column_that_is_called_like_a_time_is_named_where_none_is_found(tmp_path: Path) -> None:
    rows = [row | {"event_time": "yesterday"} for row in page_log()]
    with pytest.raises(DataError, match="Column 'event_time' is called like a time.*'yesterday'"):
        roles_of(tmp_path, without(rows, "signup_date"))


def test_iso_times_before_1979_are_times_without_a_doubt(tmp_path: Path) -> None:
    rows = [row | {"event_time": f"1950-01-{n % 28 + 1:02}"} for n, row in enumerate(page_log())]
    roles, dataset = roles_of(tmp_path, without(rows, "signup_date"))
    assert dataset["events"]["timestamp_unit"] == "iso" and not roles.time_doubts


@pytest.mark.parametrize("bad_row", [5, 15, None])
@pytest.mark.parametrize("rows", [1, 10, 29, 99])
def test_no_more_rows_are_looked_at_than_asked_for(
    tmp_path: Path, rows: int, bad_row: int | None
) -> None:
    """In two files, with or without a bad row in the first."""
    for name in ("a", "b"):
        lines = [f"u{n},{START + n}" for n in range(15)]
        if name == "a":
            lines[0 if bad_row is None else bad_row - 2] += ",odd" if bad_row else ""
        (tmp_path / f"{name}.csv").write_text("\n".join(["user,time", *lines]) + "\n")
    found = profile_log(Table.model_validate({"format": "csv", "path": f"{tmp_path}/*.csv"}), rows)
    whole = 29 if bad_row else 30
    assert found.read == len(found.columns[0].values) == min(rows, whole)
    assert found.goes_on == (rows < whole)
    assert found.rejected.total() == int(bad_row is not None and bad_row <= rows + 1)


@pytest.mark.parametrize("values", ["0", "0123", "12"])
@pytest.mark.parametrize("name", ["clicked", "Label"])
def test_what_is_called_like_a_label_and_is_none_is_named(
    tmp_path: Path, name: str, values: str
) -> None:
    rows: list[Row] = []
    for n, row in enumerate(page_log()):
        rows.append(row | {"clicked": values[n % len(values)]})
    roles, dataset = roles_of(tmp_path, renamed(rows, clicked=name))
    assert roles.label is None and "chosen" in dataset["tasks"]
    about = [doubt for doubt in roles.label_doubts if f"Column '{name}' is called like" in doubt]
    said = "values are" if len(values) > 1 else "only value is"
    assert len(about) == 1 and f"its {said} {', '.join(map(repr, values))}" in about[0]
    assert "all count as chosen" in roles.label_doubts[-1]
    assert set(roles.label_doubts) <= set(starter_comments(roles))


def test_where_there_is_a_label_nothing_else_is_said_to_be_none(tmp_path: Path) -> None:
    assert not roles_of(tmp_path, page_log())[0].label_doubts


def test_what_has_one_value_for_each_user_is_called_no_label(tmp_path: Path) -> None:
    rows = [row | {"clicked": int(row["user_id"][1:]) % 2} for row in page_log()]
    roles, _ = roles_of(tmp_path, rows)
    assert "it has one value for each user or each item" in " ".join(roles.label_doubts)


def test_words_among_numbers_that_mean_none_are_named_and_read_as_absent(tmp_path: Path) -> None:
    rows: list[Row] = []
    for n, row in enumerate(page_log()):
        odd: Row = {"price": "\\N" if n % 9 == 0 else "nan" if n % 31 == 0 else row["price"]}
        rows.append(row | odd | {"clicked": "NULL" if n % 11 == 5 else row["clicked"]})
    roles, dataset = roles_of(tmp_path, rows)
    assert dataset["events"]["absent"] == ["NULL", "\\N", "nan"]
    assert roles.features["item"]["price"] == "numeric"
    assert dataset["tasks"] == {"clicked": {"column": "clicked", "equals": 1}}
    of_price, of_clicked = roles.value_doubts
    assert "Column 'price' has numbers, and '\\N' in 112 rows and 'nan' in 29 rows" in of_price
    assert "Column 'clicked' has numbers, and 'NULL' in 91 rows" in of_clicked
    assert set(roles.value_doubts) <= set(starter_comments(roles))
    found = validate(DatasetSpec.model_validate(yaml.safe_load(yaml.safe_dump(dataset))))
    assert not found.problems and not found.tables[0].rejected_rows


@pytest.mark.parametrize(("name", "word"), [("sku", "NULL"), ("price", "12 EUR")])
def test_no_other_word_is_taken_for_an_absent_number(tmp_path: Path, name: str, word: str) -> None:
    rows = [row | {"sku": row["sku"][1:]} for row in page_log()]
    for row in rows[::30]:
        row[name] = word
    roles, dataset = roles_of(tmp_path, rows)
    assert "absent" not in dataset["events"] and roles.item is not None
    assert any("'price' is taken for words, as 34 of" in doubt for doubt in roles.value_doubts) == (
        name == "price"
    )
    assert (word in roles.item.values.to_pylist()) == (name == "sku")


@pytest.mark.parametrize("value", ["['a{0}', 'b']", '["a{0}"]', "[1 {0}]", "{{'size': {0}}}"])
def test_lists_and_structures_as_text_are_left_out_with_the_reason(
    tmp_path: Path, value: str
) -> None:
    rows = [row | {"tags": value.format(n % 5)} for n, row in enumerate(page_log())]
    roles, _ = roles_of(tmp_path, rows)
    assert repr(value.format(0)) in roles.left_out["tags"]
    assert "each of which would be one word: write a|b" in roles.left_out["tags"]
    rows = [row | {"tags": "[sic]" if n % 2 else "red"} for n, row in enumerate(page_log())]
    assert "one word" not in roles_of(tmp_path, rows)[0].left_out["tags"]
    rows = [row | {"sku": value.format(n % 5)} for n, row in enumerate(page_log())]
    with pytest.raises(DataError, match="looks like: item.* sku is left out: it has lists or"):
        roles_of(tmp_path, rows)


def in_two_columns(row: Row) -> Row:
    date, clock = datetime.fromtimestamp(row["event_time"], timezone.utc).isoformat().split("T")
    return row | {"event_time": date, "clock": clock[:8]}


def test_times_of_day_beside_days_are_named(tmp_path: Path) -> None:
    rows = list(map(in_two_columns, without(page_log(), "signup_date")))
    roles, dataset = roles_of(tmp_path, rows)
    assert dataset["events"]["timestamp"] == "event_time"
    (doubt,) = roles.time_doubts
    assert doubt.startswith("Column 'event_time' has days, and column 'clock' has times of day")
    assert f"such as {rows[0]['clock']!r}" in doubt and "in no order" in doubt
    whole = [row | {"event_time": f"{row['event_time']} {row['clock']}"} for row in rows]
    assert not roles_of(tmp_path, whole)[0].time_doubts
    alone = without(rows, "event_time")
    with pytest.raises(DataError, match="'clock_time'") as raised:
        roles_of(tmp_path, renamed(alone, clock="clock_time"))
    assert "are times of day without a date" in str(raised.value)


@pytest.mark.parametrize("year", ["2024", "1950"])
def test_times_with_a_zone_and_without_one_are_counted(tmp_path: Path, year: str) -> None:
    rows: list[Row] = []
    for n, row in enumerate(page_log()):
        zone = ("+02:00", "Z", "")[n % 3]
        rows.append(row | {"event_time": f"{year}-01-{n % 28 + 1:02} 10:11:12{zone}"})
    rows = without(rows, "signup_date")
    (doubt,) = roles_of(tmp_path, rows)[0].time_doubts
    assert (
        f"Column 'event_time' has times with a zone (667, such as '{year}-01-01 10:11:12+" in doubt
    )
    assert f"without one (333, such as '{year}-01-03 10:11:12'): these are read as UTC" in doubt
    zoned = [row for row in rows if not row["event_time"].endswith(":12")]
    zoned += [row | {"event_time": ""} for row in rows[:3]]
    assert not roles_of(tmp_path, zoned)[0].time_doubts
