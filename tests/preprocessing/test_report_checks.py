"""What is refused before training: splits and labels that nothing can be learnt from or judged
by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from preprocessing.errors import DataError
from preprocessing.quarantine import read_report
from preprocessing.report_checks import check_report
from preprocessing.validation import validate
from tests.testing import HOUR, START, Row, run_job, small_log, small_spec, write_small_dataset

LOG = small_log(users=12, events=400)


def _with_requests(name: Any) -> list[Row]:
    return [row | {"device": name(row)} for row in LOG]


def test_a_label_that_never_fires_is_refused_with_what_its_column_holds(tmp_path: Path) -> None:
    tasks = {
        "buy": {"column": "action", "equals": "purchase"},
        "dear": {"column": "price", "at_least": 1000},
    }
    found = validate(write_small_dataset(tmp_path, LOG, tasks=tasks))
    views = sum(row["action"] == "view" for row in LOG)
    text = " ".join(found.problems)
    assert "task buy never holds: no candidate of any split has action equal to 'purchase'." in text
    assert f"The column holds 'view' ({views} times), 'buy' ({len(LOG) - views} times)." in text
    assert (
        "task dear never holds: no candidate of any split has price at least 1000. The column holds"
        in text
    )
    tens = sum(row["price"] == "10" for row in LOG)
    assert f"'10' ({tens} times)" in text


def test_a_statistic_that_never_counts_is_refused_with_what_its_columns_hold(
    tmp_path: Path,
) -> None:
    rows = [row | {"device": ""} for row in LOG]
    features = small_spec().features.model_dump()
    features["item"] = {"place": {"kind": "categorical", "table": "events", "column": "device"}}
    features["match"] = {"place": {}}
    purchase = [{"column": "action", "equals": "purchase"}]
    dear = [{"column": "action", "equals": "buy"}, {"column": "price", "at_least": 1000}]
    buys = [{"column": "action", "equals": "buy"}]
    features["statistics"] = {
        "bought": {"of": ["item_id"], "counts": ["events"], "where": purchase},
        "dear": {"of": ["item_id"], "counts": ["events"], "where": dear},
        "own": {"of": ["user", "item_id"], "counts": ["events"], "where": buys},
        "at": {"of": ["item_id", "place"], "counts": ["events"]},
    }
    found = validate(write_small_dataset(tmp_path, rows, features=features))
    views = sum(row["action"] == "view" for row in LOG)
    held = f"The column action holds 'view' ({views} times), 'buy' ({len(LOG) - views} times)."
    bought, of_dear, at = found.problems
    never = "statistic bought never counts: no event has action equal to 'purchase'. "
    assert bought == never + held
    assert of_dear.startswith(
        "statistic dear never counts: no event has action equal to 'buy' and price at least 1000. "
        + held
    )
    assert at.startswith("statistic at never counts: it counts by place, which no candidate has")
    warnings = " ".join(found.warnings)
    assert "match place never finds anything: it compares place" in warnings
    assert "feature candidate_place has no value in any request" in warnings


def test_a_statistic_of_which_no_request_sees_an_event_is_refused(tmp_path: Path) -> None:
    features = small_spec().features.model_dump()
    last = max(row["timestamp"] for row in LOG)
    rows = [row | {"device": "watch" if row["timestamp"] == last else "phone"} for row in LOG]
    everything = {"of": ["item_id"], "windows": ["all"]}
    late = {"of": ["item_id"], "where": [{"column": "device", "equals": "watch"}]}
    features["statistics"] = {
        "rare": everything | {"step": "999d"},
        "daily": everything | {"step": "1d"},
        "late": late | {"counts": ["recency"]},
    }
    found = validate(write_small_dataset(tmp_path, rows, features=features))
    rare, of_late = found.problems
    assert rare.startswith(
        "statistic rare never counts: a request sees the steps that were over before it, and all "
        "events that count are in the last step of 999d of the log, which runs from 2020-"
    )
    assert of_late.startswith("statistic late never counts: a request sees the steps")
    assert "in the last step of 1h of the log" in of_late


def test_a_statistic_of_positives_that_are_none_is_refused(tmp_path: Path) -> None:
    features = small_spec().features.model_dump()
    views = [{"column": "action", "equals": "view"}]
    tasks = {
        "buy": {"column": "action", "equals": "buy"},
        "dear": {"column": "price", "at_least": 10},
        "never": {"column": "price", "at_least": 1000},
    }
    of_views = {"of": ["item_id"], "where": views}
    cheap = {"of": ["user"], "where": [*views, {"column": "price", "at_most": 2}]}
    features["statistics"] = {
        "views": of_views | {"counts": ["positives"]},
        "cheap": cheap | {"counts": ["rate", "positives"]},
        "cheap_events": cheap | {"counts": ["events"], "windows": ["2d"]},
        "all_cheap": cheap | {"counts": ["events", "rate"]},
        "item_id": {},
    }
    found = validate(write_small_dataset(tmp_path, LOG, features=features, tasks=tasks))
    of_task, of_statistic = found.problems
    assert of_task.startswith("task never never holds")
    assert of_statistic == (
        "statistic cheap never counts: of the events that it counts none is a positive of buy or "
        "dear. Leave it out."
    )
    warnings = [text for text in found.warnings if text.startswith("statistic")]
    assert warnings == [
        "statistic views has numbers that are always 0: of the events that it counts none is a "
        "positive of buy.",
        "statistic all_cheap has numbers that are always 0: of the events that it counts none is a "
        "positive of buy or dear.",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("late", "missing"), [("view", "positive"), ("buy", "negative")])
def test_a_split_with_one_kind_of_label_is_refused_by_name(
    late: str, missing: str, tmp_path: Path
) -> None:
    test_from = START + 85 * HOUR
    rows = [row | {"action": late} if row["timestamp"] >= test_from else row for row in LOG]
    tasks = {"buy": {"column": "action", "equals": "buy"}}
    spec = write_small_dataset(tmp_path, rows, tasks=tasks)
    run_job(spec, tmp_path, shards=2)
    with pytest.raises(DataError, match=f"^split test has no {missing} of task buy"):
        check_report(spec, str(tmp_path))


def test_a_split_without_requests_is_refused_by_name(tmp_path: Path) -> None:
    rows = [row | {"price": "" if row["timestamp"] >= START + 85 * HOUR else "1.5"} for row in LOG]
    shown = {"max_per_request": 3, "where": [{"column": "price", "equals": 1.5}]}
    tasks = {"buy": {"column": "action", "equals": "buy"}}
    found = validate(write_small_dataset(tmp_path, rows, candidates=shown, tasks=tasks))
    assert [problem.partition(":")[0] for problem in found.problems] == [
        "split test has no request with a candidate"
    ]


@pytest.mark.slow
def test_requests_are_counted_as_the_job_makes_them(tmp_path: Path) -> None:
    """An id that repeats for days is many requests, in every split; each begins with its own first
    event."""
    events = {"format": "csv", "path": "events.csv", "request": "device", "request_span": "2h"}
    spec = write_small_dataset(tmp_path, _with_requests(lambda row: "0"), events=events)
    found = validate(spec)
    assert found.problems == []
    run_job(spec, tmp_path, shards=3)
    report = read_report(str(tmp_path))
    for split in ("train", "validation", "test"):
        assert found.report["splits"][split]["requests"] == report["splits"][split]["requests"] > 20
    assert found.report["requests_cut"] == report["requests_cut"]
    assert (
        report["requests_cut"]["too_long"] > 100
        and 12 <= report["requests_cut"]["at_cut_off"] <= 24
    )


@pytest.mark.slow
def test_too_short_a_window_of_negatives_is_warned_of(tmp_path: Path) -> None:
    spec = write_small_dataset(
        tmp_path,
        LOG,
        negatives={"per_request": 5, "window": "1h"},
        candidates={"max_per_request": 20},
    )
    warnings = " ".join(validate(spec).warnings)
    assert "split train lacks" in warnings and "Make negatives.window longer" in warnings


@pytest.mark.slow
def test_a_history_that_takes_next_to_nothing_is_blamed_on_its_condition(tmp_path: Path) -> None:
    where = {"where": [{"column": "price", "at_least": 1000}]}
    found = validate(write_small_dataset(tmp_path, LOG, history=where))
    none = "history.where holds for 0 of 408 events (0.00%)"
    assert any(none in problem for problem in found.problems)
    rare = [row | {"price": "5000" if n < 4 else "1"} for n, row in enumerate(LOG)]
    found = validate(write_small_dataset(tmp_path, rare, history=where))
    assert "history.where holds for 4 of 408 events (0.98%)" in " ".join(
        found.problems + found.warnings
    )


def test_ids_that_look_as_if_there_were_none_are_told(tmp_path: Path) -> None:
    rows = [row | {"user_id": r"\N" if n < 40 else row["user_id"]} for n, row in enumerate(LOG)]
    rows = [row | {"item_id": "None" if n > 390 else row["item_id"]} for n, row in enumerate(rows)]
    warnings = " ".join(validate(write_small_dataset(tmp_path, rows)).warnings)
    assert r"40 rows have '\\N' in column user_id, which is read as an id" in warnings
    assert "17 rows have 'None' in column item_id" in warnings


def test_a_log_of_one_user_is_refused_as_pre_training_would_refuse_it(tmp_path: Path) -> None:
    rows = [row | {"user_id": "u1"} for row in LOG]
    found = validate(write_small_dataset(tmp_path, rows, users=None, features={}))
    assert not found.problems
    (problem,) = found.run_problems
    assert problem.startswith("none of the users held out, one in twenty, has two behaviours")
    assert problem.endswith("The log has 1 user.")
