"""What docs/serving.md says of users works: their lines are sent as they are, and the model scores
them as it scores their records."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf

from preprocessing.lookup import user_record
from preprocessing.request_lines import RequestLines
from serving.client import RankingClient
from serving.server import ModelServer
from serving.user_statistics import user_statistics
from tests.testing import HOUR, START, write_csv
from tests.trainer.conftest import Exported
from tests.trainer.test_precompute import log

pytestmark = pytest.mark.slow
DOC = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
AS_OF = START + 1000 * HOUR
ITEMS = ["i1", "i2", "i3"]


@pytest.fixture
def users_folder(exported: Exported, tmp_path: Path) -> Path:
    """A folder with the lines of a log's users, and the log."""
    spec = exported.inputs.spec
    events = write_csv(tmp_path / "events.csv", log())
    spec = spec.model_copy(update={"events": spec.events.at(str(events))})
    with beam.Pipeline("FnApiRunner") as pipeline:
        lines = pipeline | RequestLines(spec, AS_OF)
        path = str(tmp_path / "users.jsonl")
        _ = lines | beam.io.WriteToText(path, num_shards=1, shard_name_template="")
    return tmp_path


def _example() -> str:
    """The Python that reads users.jsonl."""
    section = DOC.partition("### What is counted of users")[2]
    begin = section.index("    import json\n")
    lines: list[str] = []
    for line in section[begin:].splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line)
    return textwrap.dedent("\n".join(lines))


def test_its_example_scores_users_as_their_records(
    exported: Exported,
    toy_server: ModelServer,
    users_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    address = f"127.0.0.1:{toy_server.grpc_port}"
    source = _example()
    for shown, here in {
        '"localhost:8500"': f'"{address}", "toy", timeout_seconds=30.0',
        "int(time.time())": str(AS_OF),
        '"phone"': '"p"',
    }.items():
        assert shown in source
        source = source.replace(shown, here)
    monkeypatch.chdir(users_folder)
    found: dict[str, Any] = {}
    exec(source, found)
    best = dict(found["best"])
    assert set(best) == set(ITEMS)
    # The toy's items have other features in each showing; of users nothing is missing.
    (warning,) = [record for record in caplog.records if record.name == "serving.showings"]
    assert "Send them with the candidates" in warning.getMessage()

    spec = exported.inputs.spec
    spec = spec.model_copy(update={"events": spec.events.at(str(users_folder / "events.csv"))})
    record = user_record(spec, "u17", AS_OF)
    assert record is not None
    encoded = exported("encode_user_examples", examples=tf.constant([record]))
    scores = exported(
        "score_items",
        user_state_bytes=encoded["user_state_bytes"][:, 0],
        candidate_item_id=tf.constant([ITEMS]),
    )
    for task in ("click", "buy"):
        expected = scores[task].numpy()[0]
        np.testing.assert_allclose([best[item][task] for item in ITEMS], expected, rtol=1e-5)


def test_lines_made_of_plain_numbers_count(toy_server: ModelServer) -> None:
    user: dict[str, Any] = {
        "user_id": "new",
        "timestamp": AS_OF,
        "user_user_all_events": None,
        "user_statistics": None,
    }
    address = f"127.0.0.1:{toy_server.grpc_port}"
    met = user_statistics({"met": {"i2": [400]}})
    with RankingClient(address, "toy", timeout_seconds=30.0) as client:
        plain = client.predict(user, ITEMS)["click"]
        told = client.predict(user | {"user_statistics": met}, ITEMS)["click"]
        state = client.encode_user(user | {"user_statistics": met})
        np.testing.assert_allclose(client.score_items(state, ITEMS)["click"], told, rtol=1e-5)
    is_same = np.isclose(plain, told, rtol=1e-6)[0]
    np.testing.assert_array_equal(is_same, [True, False, True])
