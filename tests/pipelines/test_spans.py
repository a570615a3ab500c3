"""Days in a row by the command: two that are pushed, a corrupted one that is refused, and one that
is taken back."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.commands.rollback.roll_back import roll_back
from pipelines.config import load_run_config
from pipelines.report.model_card import CARD
from preprocessing.rolling import date_of
from serving.client import RankingClient
from serving.server import ModelServer
from tests.pipelines.conftest import srp4ctr, write_run
from tests.preprocessing.test_rolling import DAY, DAYS, LOG, SPLIT
from tests.testing import EVENT_COLUMNS, Row, read_written, write_csv

pytestmark = pytest.mark.slow
FIRST, SECOND, THIRD = DAYS[-3:]
# What is told here depends neither on features nor on rivals, and each takes seconds a run.
FEW_FEATURES: dict[str, Any] = {
    "items": None,
    "users": None,
    "features": {"behavior": {"action": {"kind": "categorical"}}},
    "tasks": {"buy": {"column": "action", "equals": "buy"}},
}


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, Any]]:
    """A config, and the metrics of its first two days, each run by the command."""
    folder = tmp_path_factory.mktemp("days")
    config_path = write_run(folder, warm_start=True)
    for day in DAYS:
        _write_day(folder, day, [row for row in LOG if row["timestamp"] // DAY == day])
    content = yaml.safe_load(config_path.read_text())
    content["dataset"] |= FEW_FEATURES
    content["dataset"] |= {
        "events": {"format": "csv", "path": "{YYYY}-{MM}-{DD}.csv"},
        "split": SPLIT,
    }
    content["trainer"]["encoder"]["layers"] = 1
    content["trainer"]["pretrain"] = {"epochs": 1, "warm_epochs": 1}
    content["evaluation"] |= {"slices": [], "counts_rows": 0}
    config_path.write_text(yaml.safe_dump(content))
    paths = load_run_config(config_path).paths
    metrics = {}
    for day in (FIRST, SECOND):
        done = srp4ctr("run", config_path, "--span", str(date_of(day)))
        assert done.returncode == 0, done.stdout + done.stderr
        metrics[day] = json.loads((paths.report / "metrics.json").read_text())
    return config_path, metrics


def test_each_day_has_records_of_its_own(days: tuple[Path, dict[int, Any]]) -> None:
    from ml_metadata.metadata_store import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as proto

    connection = proto.ConnectionConfig()
    connection.sqlite.filename_uri = str(load_run_config(days[0]).paths.metadata)
    examples = MetadataStore(connection).get_artifacts_by_type("Examples")
    artifacts = [artifact for artifact in examples if "ExampleGen" in artifact.uri]
    assert [artifact.custom_properties["span"].int_value for artifact in artifacts] == [
        FIRST,
        SECOND,
    ]
    for artifact, day in zip(artifacts, (FIRST, SECOND), strict=True):
        tested = read_written(Path(artifact.uri) / "Split-test")
        assert tested and {record["timestamp"][0] // DAY for record in tested} == {day}


def test_a_day_starts_from_the_model_of_the_day_before(days: tuple[Path, dict[int, Any]]) -> None:
    first, second = (days[1][day] for day in (FIRST, SECOND))
    assert first["started_from"] is None and "/Trainer.ranker/model/" in second["started_from"]
    card = Path(second["serving_model"]) / "assets.extra" / CARD
    assert second["started_from"] in card.read_text()
    assert second["checks"]["compared"] == {"drift": True, "skew": False}
    assert first["to_beat"] is None and 0 < second["to_beat"]["buy"] < 1
    for metrics in (first, second):
        assert metrics["verdict"] == {"blessed": True, "reasons": []}
        assert metrics["serving_model"].endswith(f"/{metrics['pushed_version']}")
    assert first["serving_model"] != second["serving_model"]


def test_a_corrupted_day_is_refused_and_a_day_is_taken_back(
    days: tuple[Path, dict[int, Any]],
) -> None:
    config_path, metrics = days
    config = load_run_config(config_path)
    before, newest = (int(Path(metrics[day]["serving_model"]).name) for day in (FIRST, SECOND))
    rows = [row for row in LOG if row["timestamp"] // DAY == THIRD]
    _write_day(
        config_path.parent,
        THIRD,
        [row | {"item_id": ""} if n % 5 == 0 else row for n, row in enumerate(rows)],
    )
    with (
        ModelServer(
            "srp4ctr", config.paths.serving_model, grpc_port=0, rest_port=None, poll_seconds=0.2
        ) as server,
        RankingClient(f"127.0.0.1:{server.grpc_port}", timeout_seconds=30.0) as client,
    ):
        assert client.wait_until_ready() == newest
        refused = srp4ctr("run", config_path, "--span", str(date_of(THIRD)))
        assert refused.returncode == 1
        assert (
            "item_id" in refused.stdout + refused.stderr
            and "max_bad_rows" in refused.stdout + refused.stderr
        )
        assert client.wait_until_ready() == newest
        assert roll_back(config) == (str(newest), str(before))
        _wait_for(client, before)


def _write_day(folder: Path, day: int, rows: list[Row]) -> None:
    write_csv(folder / "data" / f"{date_of(day)}.csv", rows, EVENT_COLUMNS)


def _wait_for(client: RankingClient, version: int) -> None:
    deadline = time.monotonic() + 120
    while client.wait_until_ready() != version:
        assert time.monotonic() < deadline
        time.sleep(0.1)
