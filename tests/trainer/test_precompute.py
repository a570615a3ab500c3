"""Pre-computation with a real ranker: the client finds the states; each is made once, whatever
happens to the job."""

from __future__ import annotations

import asyncio
import itertools
import json
import pickle
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_beam.testing import test_stream
from apache_beam.transforms.window import TimestampedValue

from preprocessing.errors import DataError
from preprocessing.lookup import user_record
from serving import cache
from serving.async_client import AsyncRankingClient
from serving.client import Freshness, LruCache, RankingClient
from serving.errors import ServingError
from serving.precompute import job
from serving.precompute.command import run
from serving.precompute.model import ModelVersion
from serving.precompute.tfrecord_store import TFRecordStore, read_states
from serving.redis_cache import AsyncRedisCache, RedisCache
from serving.rollout import rollout
from serving.server import ModelServer
from tests.ram_file_system import RamFileSystem
from tests.serving.redis_server import RedisServer
from tests.testing import HOUR, START, Row, parse_records, write_csv
from tests.trainer.conftest import TOY_VERSION, Exported

pytestmark = pytest.mark.slow
USERS = 60
AS_OF = START + 1000 * HOUR
DAY = 24 * HOUR
ITEMS = [f"i{n}" for n in range(8)]
FRESHNESS = Freshness(staleness_seconds=DAY, ignored_context=frozenset({"context_device"}))


@pytest.fixture
def model(toy_versions: Path) -> Path:
    """A directory of versions."""
    return toy_versions


@pytest.fixture
def address(toy_server: ModelServer) -> str:
    return f"127.0.0.1:{toy_server.grpc_port}"


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.kill()


def log(users: int = USERS, seed: int = 0) -> list[Row]:
    """One to seven events a user, whose features stay the same."""
    rng = random.Random(seed)
    rows = []
    for user in range(users):
        for _ in range(1 + user % 7):
            row = {
                "user_id": f"u{user}",
                "item_id": rng.choice(ITEMS),
                "timestamp": START + rng.randrange(900 * HOUR),
                "age": user % 50,
                "gender": "pq"[user % 2],
                "interests": "x|y" if user % 3 else "",
                "tags": rng.choice(["x", "y|z", ""]),
                "brand": rng.choice("pq"),
                "price": rng.choice(["", 1, 2.5]),
                "action": rng.choice("pq"),
                "device": "p" if user % 2 else "",
                "clicked": 1,
                "bought": 0,
            }
            rows.append(row)
    return rows


def flags(model: Path, to: object, rows: list[Row], folder: Path) -> list[str]:
    write_csv(folder / "events.csv", rows)
    places = ["--model", str(model), "--to", str(to), "--events", str(folder / "events.csv")]
    return [*places, "--model-name", "toy", "--shards", "4", "--ignored-context", "context_device"]


def count(capsys: pytest.CaptureFixture[str], arguments: list[str], *more: str) -> tuple[int, int]:
    """The users that a run saw and encoded, by what it printed."""
    run([*arguments, "--as-of", str(AS_OF), *more])
    said = capsys.readouterr().out
    assert re.search(r"Of the \d+ rows of the log and its tables, 0 can't be used\.", said)
    words = said.split()
    return int(words[2]), int(words[4])


def request_of(exported: Exported, user_id: str, log_file: Path, **changes: Any) -> Row:
    """A user's raw features as an application sends them a minute after AS_OF, its statistics as of
    then."""
    spec = exported.inputs.spec
    spec = spec.model_copy(update={"events": spec.events.at(str(log_file))})
    (record,) = parse_records([user_record(spec, user_id, AS_OF + 60) or b""])
    names = exported.loaded.signatures["encode_user"].structured_input_signature[1]
    user: Row = {}
    for name in names:
        user[name] = record[name] if name.startswith("history_") else record[name][0]
    return user | changes


def ranked(client: RankingClient, user: Row) -> dict[str, float]:
    return {item: scores["click"] for item, scores in client.rank(user, ITEMS, by="click")}


def test_the_client_finds_the_states_and_its_scores_are_right(
    exported: Exported,
    model: Path,
    address: str,
    redis_server: RedisServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = flags(model, redis_server.url, log(), tmp_path)
    assert count(capsys, arguments) == (USERS, USERS)
    users = [request_of(exported, f"u{n}", tmp_path / "events.csv") for n in range(USERS)]
    caches = [RedisCache(redis_server.url, timeout_seconds=5)]
    with RankingClient(address, "toy", 20, caches=caches, freshness=FRESHNESS) as cached:
        with RankingClient(address, "toy", 20) as uncached:
            for user in users:
                # without a cache the request's own time and device count; the states are for those
                # of the job
                same = user | {"timestamp": AS_OF}
                assert ranked(cached, user | {"context_device": "q"}) == pytest.approx(
                    ranked(uncached, same), abs=1e-6
                )
        assert cached.counts() == {"hits": USERS}
    assert asyncio.run(_hits(address, redis_server.url, users)) == {"hits": USERS}


async def _hits(address: str, url: str, users: list[Row]) -> dict[str, int]:
    caches = [AsyncRedisCache(url, timeout_seconds=5)]
    async with AsyncRankingClient(address, "toy", 20, caches=caches, freshness=FRESHNESS) as client:
        await asyncio.gather(*(client.rank(user, ITEMS, by="click") for user in users))
        return client.counts()


def test_only_who_has_moved_is_encoded_again(
    model: Path, redis_server: RedisServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = log()
    arguments = flags(model, redis_server.url, rows, tmp_path)
    assert count(capsys, arguments) == (USERS, USERS)
    assert count(capsys, arguments) == (USERS, 0)
    rows += [
        rows[0] | {"timestamp": AS_OF - 10},
        rows[-1] | {"timestamp": AS_OF},
    ]  # the latter is yet to come
    arguments = flags(model, redis_server.url, rows, tmp_path)
    assert count(capsys, arguments) == (USERS, 1)
    assert count(capsys, arguments, f"--as-of={AS_OF + DAY // 2}") == (
        USERS,
        USERS,
    )  # half as old as may be
    connection = redis_server.connect()
    assert all(0 < connection.ttl(key) <= DAY for key in connection.scan_iter())


def test_a_killed_job_goes_on_where_it_was(
    model: Path, redis_server: RedisServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users = 1000
    arguments = flags(model, redis_server.url, log(users), tmp_path)
    started = [
        sys.executable,
        "-m",
        "serving.precompute",
        *arguments,
        f"--as-of={AS_OF}",
        "--batch-size=1",
    ]
    with (tmp_path / "output").open("w") as output:
        process = subprocess.Popen(started, stdout=output, stderr=output)
    connection = redis_server.connect()
    deadline = time.monotonic() + 600
    while not connection.dbsize():
        assert process.poll() is None and time.monotonic() < deadline, (
            tmp_path / "output"
        ).read_text()
        time.sleep(0.002)
    process.kill()
    process.wait()
    done = connection.dbsize()
    assert 0 < done < users
    assert count(capsys, arguments) == (users, users - done)
    assert connection.dbsize() == users


def test_two_worker_processes_make_the_same_states(
    model: Path, redis_server: RedisServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = flags(model, redis_server.url, log(), tmp_path)
    workers = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    assert count(capsys, arguments, *workers) == (USERS, USERS)
    assert redis_server.connect().dbsize() == USERS


def test_states_in_files_serve_other_caches(
    exported: Exported,
    model: Path,
    address: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = flags(model, tmp_path / "states", log(), tmp_path)
    assert count(capsys, arguments) == (USERS, USERS)
    files = sorted((tmp_path / "states").rglob("*.*"))
    (tmp_path / "states" / "shard-00000-of-00004" / "killed.part").write_bytes(b"half a rec")
    assert count(capsys, arguments) == (USERS, 0)
    assert files == sorted((tmp_path / "states").rglob("*.tfrecord"))
    filled = LruCache()
    for key, state in read_states(str(tmp_path / "states")):
        filled.put(key.key, cache.load(state) or pytest.fail("it is damaged"))
    with RankingClient(address, "toy", 20, caches=[filled], freshness=FRESHNESS) as client:
        for n in range(USERS):
            ranked(client, request_of(exported, f"u{n}", tmp_path / "events.csv"))
        assert client.counts() == {"hits": USERS}
    with pytest.raises(ServingError, match="shards must stay as they were"):
        run([*arguments, "--shards", "5"])


def test_paths_are_absolute_before_workers_with_other_folders_get_them(
    model: Path, exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    assert ModelVersion.load("toy", model.name).path == str(model / str(TOY_VERSION))
    monkeypatch.chdir(tmp_path)
    spec = job._with_paths(exported.inputs.spec, {"events": "logs/*.csv"})
    assert spec.events.paths == (str(tmp_path / "logs" / "*.csv"),)
    TFRecordStore("states", shards=1).put([(next(_keys()), b"state")])
    elsewhere = pickle.dumps(TFRecordStore("states", shards=1))
    monkeypatch.chdir("/")
    assert pickle.loads(elsewhere).ages([next(_keys())]) == [0]


def test_model_and_states_in_a_store(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket = f"{RamFileSystem.scheme()}://{tmp_path.name}"
    rollout(model, f"{bucket}/models/toy")
    places = ["--model", f"{bucket}/models/toy", "--to", f"{bucket}/states"]
    arguments = [*flags(model, tmp_path / "here", log(users=3), tmp_path), *places]
    assert count(capsys, arguments) == (3, 3)
    assert count(capsys, arguments) == (3, 0)
    run([*flags(model, tmp_path / "here", log(users=3), tmp_path), "--as-of", str(AS_OF)])
    made = {key: len(state) for key, state in read_states(f"{bucket}/states")}
    assert made == {key: len(state) for key, state in read_states(str(tmp_path / "here"))}
    with pytest.raises(ServingError, match="shards must stay as they were"):
        run([*arguments, "--shards", "5"])
    with pytest.raises(ServingError, match=f"{bucket}/none: no model version here"):
        run([*arguments, "--model", f"{bucket}/none"])


def test_work_done_twice_leaves_one_file(tmp_path: Path) -> None:
    store = TFRecordStore(str(tmp_path), shards=1)
    key = next(_keys())
    store.put([(key, b"state")])
    store.put([(key, b"state")])
    assert [found for found, _ in read_states(str(tmp_path))] == [key]


def _keys() -> Iterator[Any]:
    from serving.precompute.stores import UserKey

    return (UserKey(f"u{n}", f"key{n}", n) for n in itertools.count())


def test_events_refresh_the_states_that_the_client_finds(
    exported: Exported,
    model: Path,
    address: str,
    redis_server: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = log(users=4)
    new = rows[-1] | {"item_id": "i1", "timestamp": AS_OF}
    arguments = flags(model, redis_server.url, rows, tmp_path)
    stream = test_stream.TestStream().advance_watermark_to(AS_OF - 1)
    for number, event in enumerate((new, new, rows[-1])):  # only the first one changes a history
        stream = stream.add_elements(
            [TimestampedValue(json.dumps(event).encode(), event["timestamp"])]
        )
        stream = stream.advance_watermark_to(AS_OF + 100 * (number + 1))
    monkeypatch.setattr(
        job, "subscribed_events", lambda name, runner: stream.advance_watermark_to_infinity()
    )
    run([*arguments, "--subscription", "projects/p/subscriptions/s"])
    assert redis_server.connect().dbsize() in (4, 5)  # 4 if the event came before its user's log
    caches = [RedisCache(redis_server.url, timeout_seconds=5)]
    write_csv(tmp_path / "events.csv", [*rows, new])
    user = request_of(exported, "u3", tmp_path / "events.csv")
    with RankingClient(address, "toy", 20, caches=caches, freshness=FRESHNESS) as client:
        scores = ranked(client, user)
        assert client.counts() == {"hits": 1}
    with RankingClient(address, "toy", 20) as uncached:
        assert scores == pytest.approx(ranked(uncached, user | {"timestamp": AS_OF + 1}), abs=1e-6)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--model", "{tmp}"], "no model version here"),
        (
            ["--model", "{tmp}/other"],
            "srp4ctr.json has no description: the model is none of this release's",
        ),
        (["--ignored-context", "device"], "has no context input 'device' to ignore, only"),
        (["--as-off=5"], "--as[-_]off: neither this command nor Beam has such a flag"),
        (["--staleness-seconds", "0"], "Redis must keep states for a time"),
        (["--users", "users.csv"], "--users: the model's dataset spec has no such table"),
        (["--subscription", "s", "--to", "{tmp}/states"], "--subscription needs Redis"),
        (["--subscription", ""], "--subscription is empty"),
        (["--events", " "], "--events is empty"),
        (["--to", ""], "--to is empty"),
        (
            ["--to", "redis:/cache/0"],
            "--to: redis:/cache/0 is neither a URL, such as redis://cache/0",
        ),
        (["--to", "cache:6379/0"], "--to: cache:6379/0 .* such as redis://cache:6379/0, nor a"),
        (["--to", "s3:/bucket/states"], "--to: .* such as s3://bucket/states, nor a name here"),
        (["--to", "S3://bucket/states"], "--to: S3://bucket/states has its scheme in capitals"),
        (["--model", "gs:/bucket/model"], "--model: .* such as gs://bucket/model, nor a name"),
        (["--events", "s3:///log.csv"], "--events: s3:///log.csv names nothing after its scheme"),
        ([], "^--to: redis://127.0.0.1:1/0 can't be used: Error 111"),
        (["--to", "redis://u:secret@127.0.0.1:1"], "^--to: redis://127.0.0.1:1 can't be used: "),
        (["--to", "redis://cache:port"], "^--to: redis://cache:port can't be used: "),
        (["--to", "{tmp}/events.csv/states"], "^--to: .*/states can't be written: Not a directory"),
        (["--to", "nowhere://states"], "^--to: nowhere://states: "),
        (
            ["--runner=PortableRunner", "--job_endpoint=127.0.0.1:1"],
            r"^127\.0\.0\.1:1 \(Beam's --job_endpoint\) can't be reached",
        ),
        (
            ["--subscription", "s", "--runner=FlinkRunner"],
            "only DirectRunner and DataflowRunner read Pub/Sub",
        ),
    ],
)
def test_what_makes_no_sense_or_can_not_be_is_refused_before_the_job(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], message: str
) -> None:
    monkeypatch.setattr(job, "_run", lambda pipeline: pytest.fail("it began"))
    arguments = flags(model, "redis://127.0.0.1:1/0", log(users=2), tmp_path)
    (tmp_path / "other" / "1").mkdir(parents=True)
    (tmp_path / "other" / "1" / "saved_model.pb").touch()
    with pytest.raises(ServingError, match=message):
        run([*arguments, *(argument.format(tmp=tmp_path) for argument in more)])


def test_an_absent_log_is_named_by_its_option_before_the_job(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "_run", lambda pipeline: pytest.fail("it began"))
    arguments = flags(model, tmp_path / "states", log(users=2), tmp_path)
    with pytest.raises(DataError, match=r"^--events: .*/none\.csv: no such file\.$"):
        run([*arguments, "--events", str(tmp_path / "none.csv")])


def test_a_job_that_fails_says_so_in_one_line_at_the_end(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = flags(model, tmp_path / "states", log(users=2), tmp_path)

    def refuse(store: TFRecordStore, states: object) -> None:
        raise OSError("the disk is broken")

    monkeypatch.setattr(TFRecordStore, "put", refuse)
    with pytest.raises(ServingError, match="^the job failed: .*the disk is broken.* goes on where"):
        run([*arguments, "--as-of", str(AS_OF)])
