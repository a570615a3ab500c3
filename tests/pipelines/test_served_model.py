"""The pushed model behind a real server: all ways of scoring a raw record agree, and equal the
Keras model."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from preprocessing.features import candidate_inputs, user_inputs
from preprocessing.lookup import user_record
from preprocessing.record_values import for_client
from serving.cache import load
from serving.client import LruCache, RankingClient
from serving.deadline import Deadline
from serving.io import BlockingIo
from serving.precompute.command import run as precompute
from serving.precompute.tfrecord_store import read_states
from serving.server import ModelServer
from tests.pipelines.conftest import SmallRun, srp4ctr
from tests.testing import HOUR, START, item_rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(small_run: SmallRun) -> Iterator[str]:
    with ModelServer(
        "srp4ctr", small_run.config.paths.serving_model, grpc_port=0, rest_port=0
    ) as server:
        yield f"127.0.0.1:{server.grpc_port}"


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[RankingClient]:
    with RankingClient(address, timeout_seconds=30.0) as client:
        yield client


@pytest.fixture(scope="module")
def records(small_run: SmallRun) -> list[bytes]:
    """Raw test records with a history, two of them with several candidates."""
    pattern = f"{small_run.config.paths.artifacts}/BehaviorLogExampleGen/examples/*/Split-test/*"
    read = list(
        tf.data.TFRecordDataset(glob.glob(pattern), compression_type="GZIP").as_numpy_iterator()
    )
    return sorted(read, key=lambda record: -len(candidates_of(record)["candidate_item_id"]))[:20]


def features_of(record: bytes) -> dict[str, list]:
    features = tf.train.Example.FromString(record).features.feature
    found: dict[str, list] = {}
    for name, feature in features.items():
        values = getattr(feature, feature.WhichOneof("kind")).value
        found[name] = for_client(list(values))
    return found


def candidates_of(record: bytes) -> dict[str, list]:
    features = features_of(record)
    names = [name for name in features if name.startswith("candidate_")]
    return {name: features[name] for name in names}


def user_of(record: bytes, small_run: SmallRun) -> dict[str, object]:
    features = features_of(record)
    user: dict[str, object] = {}
    for feature in user_inputs(small_run.config.spec):
        values = features[feature.name]
        user[feature.name] = values if feature.is_list else values[0]
    return user


@pytest.mark.parametrize("task", ["buy", "dear"])
def test_all_signatures_agree(
    client: RankingClient, records: list[bytes], small_run: SmallRun, task: str
) -> None:
    for record in records:
        user = user_of(record, small_run)
        candidates = candidates_of(record)
        whole = client.predict(user, candidates)[task]
        split = client.score_items(client.encode_user(user), candidates)[task]
        (examples,) = BlockingIo.run(
            client._ranking.connection.run(
                "serving_default", [{"examples": np.array([record], object)}], Deadline(30)
            )
        )
        np.testing.assert_allclose(split, whole, atol=1e-5)
        np.testing.assert_allclose(examples.outputs[task], whole, atol=1e-5)


def test_items_scored_by_id_alone_use_the_catalogue(
    client: RankingClient, records: list[bytes], small_run: SmallRun
) -> None:
    known = [f"i{n}" for n in range(10) if n != 3]  # i3 is not in the item table
    state = client.encode_user(user_of(records[0], small_run))
    row_of = {row["item_id"]: row for row in item_rows()}
    tags = [row_of[item]["tags"] for item in known]
    weights = [row_of[item]["weight"] for item in known]
    sent = {"candidate_item_id": known, "candidate_tags": tags, "candidate_weight": weights}
    np.testing.assert_allclose(
        client.score_items(state, known)["buy"], client.score_items(state, sent)["buy"], atol=1e-6
    )


def test_one_candidate_scores_as_among_many(
    client: RankingClient, records: list[bytes], small_run: SmallRun
) -> None:
    state = client.encode_user(user_of(records[0], small_run))
    items = [f"i{n}" for n in range(30)] + ["never seen"]
    together = client.score_items(state, items)["buy"][0]
    alone = [client.score_items(state, [item])["buy"][0, 0] for item in items]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_states_computed_beforehand_are_found(
    address: str, small_run: SmallRun, tmp_path: Path
) -> None:
    """By the pushed model and its own spec's log."""
    as_of = START + 1000 * HOUR
    cache = LruCache()
    model_dir = str(small_run.config.paths.serving_model)
    precompute(
        ["--model", model_dir, "--to", str(tmp_path), "--as-of", str(as_of), "--shards", "2"]
    )
    for user, state in read_states(str(tmp_path)):
        cache.put(user.key, load(state) or pytest.fail(f"{user} is damaged"))
    with RankingClient(address, timeout_seconds=30.0, caches=[cache]) as cached:
        for user_id in ("u1", "u10", "u199"):  # u10 is not in the user table
            record = user_record(small_run.config.spec, user_id) or b""
            cached.rank(user_of(record, small_run) | {"timestamp": as_of}, ["i1", "i2"], by="buy")
        assert cached.counts() == {"hits": 3}


def test_unknown_user_and_item_get_a_score(client: RankingClient) -> None:
    ranked = client.rank(
        {"user_id": "nobody", "timestamp": 1_600_400_000}, ["no such item", "i1"], by="buy"
    )
    assert {item for item, _ in ranked} == {"no such item", "i1"}
    for _, scores in ranked:
        assert all(0 < score < 1 for score in scores.values())


def test_rank_command_prints_titles(small_run: SmallRun) -> None:
    done = srp4ctr("rank", small_run.config_path, "--user", "u1", "--top", "3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Item ") == 3
    assert "P(buy)" in done.stdout


def test_rank_command_takes_an_unknown_user_and_a_server(small_run: SmallRun, address: str) -> None:
    arguments = ("--user", "stranger", "--top", "1", "--server", address)
    done = srp4ctr("rank", small_run.config_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "not in the log" in done.stdout


def test_inputs_are_all_raw_features(small_run: SmallRun) -> None:
    (version,) = small_run.config.paths.serving_model.iterdir()
    saved = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
    names = set(saved.meta_graphs[0].signature_def["predict"].inputs)
    spec = small_run.config.spec
    assert names == {f.name for f in user_inputs(spec) + candidate_inputs(spec)}
