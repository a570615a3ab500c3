"""Pre-computed states on other engines, and from events: those that one process makes of the whole
log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from google.cloud import pubsub_v1

from serving.errors import ServingError
from serving.precompute.command import run
from serving.precompute.model import ModelVersion
from serving.precompute.redis_store import RedisStore
from serving.precompute.streaming import RefreshedRecords
from serving.precompute.transform import StoreStates
from tests.engines.conftest import REMOTE
from tests.engines.processes import ROOT, wait_for
from tests.serving.redis_server import RedisServer
from tests.testing import Row
from tests.trainer.test_precompute import AS_OF, DAY, flags, log

pytestmark = pytest.mark.slow
USERS = 12
# The tests' own process leaves graphs as they were traced, so what is compared comes from workers,
# which optimise theirs.
WORKERS = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")


def states(server: RedisServer) -> dict[bytes, bytes]:
    with server.connect() as connection:
        return {key: connection.get(key) for key in connection.scan_iter()}


def states_of(
    log: list[Row], model: Path, server: RedisServer, folder: Path, as_of: int = AS_OF
) -> dict[bytes, bytes]:
    """What Beam's own runner makes of a log; the server has none of them afterwards."""
    folder.mkdir(exist_ok=True)
    run([*flags(model, server.url, log, folder), f"--as-of={as_of}", "--batch-size=1", *WORKERS])
    found = states(server)
    with server.connect() as connection:
        connection.flushall()
    return found


@pytest.mark.parametrize("engine", REMOTE, indirect=True)
def test_engines_make_the_same_states_whatever_their_working_directory(
    engine: list[str],
    model: Path,
    redis_server: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = log(USERS)
    expected = states_of(rows, model, redis_server, tmp_path)
    assert len(expected) == USERS
    monkeypatch.chdir(tmp_path)
    arguments = flags(Path(os.path.relpath(model)), redis_server.url, rows, Path())
    run([*arguments, f"--as-of={AS_OF}", "--batch-size=1", *engine])
    assert states(redis_server) == expected


def streamed_keys(log: list[Row], model: Path, server: RedisServer, folder: Path) -> set[bytes]:
    """The keys of a log's states as events arrive: those of each user as of the second after the
    user's last event."""
    of_users: dict[str, list[Row]] = {}
    for row in log:
        of_users.setdefault(row["user_id"], []).append(row)
    found: set[bytes] = set()
    for rows in of_users.values():
        last = max(row["timestamp"] for row in rows)
        found |= set(states_of(rows, model, server, folder, last + 1))
    return found


def with_event(rows: list[Row]) -> tuple[list[Row], Row]:
    """A log with an event more, and that event."""
    new = rows[-1] | {"item_id": "i1", "timestamp": AS_OF - 1}
    return [*rows, new], new


def test_events_of_a_pubsub_subscription(
    pubsub: str,
    model: Path,
    redis_server: RedisServer,
    tmp_path: Path,
) -> None:
    rows = log(users=4)
    longer, new = with_event(rows)
    expected = streamed_keys(longer, model, redis_server, tmp_path / "longer")
    assert len(expected - streamed_keys(rows, model, redis_server, tmp_path)) == 1
    publisher = pubsub_v1.PublisherClient()
    subscriber = pubsub_v1.SubscriberClient()
    topic = publisher.topic_path(pubsub, "events")
    subscription = subscriber.subscription_path(pubsub, "events")
    publisher.create_topic(name=topic)
    subscriber.create_subscription(name=subscription, topic=topic)
    arguments = flags(model, redis_server.url, rows, tmp_path)
    with pytest.raises(ServingError, match="there is no projects/project/subscriptions/none"):
        run([*arguments, "--subscription=projects/project/subscriptions/none"])
    with _job([*arguments, f"--subscription={subscription}", "--delay=0.1"], tmp_path / "said"):
        for message in (b"not json", json.dumps(new).encode()):
            publisher.publish(topic, message).result()
        wait_for(lambda: expected <= set(states(redis_server)), "the states of all users")


@contextmanager
def _job(arguments: list[str], said: Path) -> Iterator[None]:
    """The command as a process, which runs until it is stopped."""
    command = [sys.executable, "-m", "serving.precompute", *arguments]
    with said.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        yield
        assert process.poll() is None, said.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("engine", REMOTE, indirect=True)
def test_events_of_another_source(
    engine: list[str],
    model: Path,
    redis_server: RedisServer,
    tmp_path: Path,
) -> None:
    rows = log(users=4)
    longer, new = with_event(rows)
    expected = streamed_keys(longer, model, redis_server, tmp_path / "longer")
    flags(model, redis_server.url, rows, tmp_path)  # writes the log
    version = ModelVersion.load("toy", str(model), ["context_device"])
    table = version.spec.events.at(str(tmp_path / "events.csv"))
    spec = version.spec.model_copy(update={"events": table})
    message = json.dumps(new).encode()
    start = time.time()
    pipeline = beam.Pipeline(options=PipelineOptions([*engine, "--streaming"]))
    messages = (
        pipeline
        | PeriodicImpulse(start_timestamp=start, stop_timestamp=start + 1, fire_interval=1)
        | beam.Map(lambda _: message)
    )
    records = messages | RefreshedRecords(spec, delay=0.1, shards=2)
    _ = records | StoreStates(version, RedisStore(redis_server.url, DAY), renew_after=DAY // 2)
    pipeline.run().wait_until_finish()
    assert expected <= set(states(redis_server))
