"""Models, states, tables and Parquet in emulated object stores: rolled out to them, served from
them, read from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pytest

from preprocessing.sources.check import check_sources
from preprocessing.sources.files import match_files
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from preprocessing.stored_folders import StorageError, list_folder, store
from serving.client import RankingClient
from serving.precompute.command import run
from serving.precompute.tfrecord_store import read_states
from serving.rollout import rollout
from serving.server import ModelServer
from tests.engines.jobs import upload
from tests.serving import toy_ranker
from tests.serving.conftest import eventually, saved, start  # noqa: F401 (fixtures)
from tests.testing import small_log, small_spec, write_small_dataset
from tests.trainer.test_precompute import AS_OF, flags, log

pytestmark = pytest.mark.slow
BUCKETS = pytest.mark.parametrize("bucket", ["gs", "s3"], indirect=True)


@BUCKETS
def test_a_model_is_rolled_out_to_a_store_and_served_from_it(
    bucket: str,
    saved: dict[int, Path],  # noqa: F811
    start: Callable[..., ModelServer],  # noqa: F811
    eventually: Callable[..., None],  # noqa: F811
    tmp_path: Path,
) -> None:
    models = f"{bucket}/models/toy"
    rollout(saved[1], models)
    server = start(models)
    with RankingClient(f"127.0.0.1:{server.grpc_port}", toy_ranker.NAME, 20) as client:
        user = {"user_id": "1", "age": 0.0, "history_item_id": ["7", "8"]}
        assert client.rank(user, ["5"], by="click")[0][1]["click"] == 53
        rollout(saved[2], models)
        eventually(lambda: server.versions == [2])
        assert client.rank(user, ["5"], by="click")[0][1]["click"] == 53
    rollout(saved[3], models, keep=2)
    assert {name.partition("/")[0] for name in list_folder(models)} == {"2", "3"}
    back = Path(rollout(f"{models}/2", tmp_path))
    assert [path.read_bytes() for path in sorted(back.rglob("*")) if path.is_file()] == [
        path.read_bytes() for path in sorted(saved[2].rglob("*")) if path.is_file()
    ]


@BUCKETS
def test_states_are_computed_by_a_model_of_a_store_and_go_there(
    bucket: str, model: Path, tmp_path: Path
) -> None:
    rollout(model, f"{bucket}/models/toy")
    arguments = flags(model, tmp_path / "here", log(users=3), tmp_path)
    upload(str(tmp_path / "events.csv"), f"{bucket}/logs/events.csv")
    run([*arguments, f"--as-of={AS_OF}"])
    places = [
        f"--model={bucket}/models/toy",
        f"--to={bucket}/states",
        f"--events={bucket}/logs/events.csv",
    ]
    run([*arguments, f"--as-of={AS_OF}", *places])
    assert dict(read_states(f"{bucket}/states")) == dict(read_states(str(tmp_path / "here")))


@BUCKETS
def test_a_missing_bucket_is_told_from_an_empty_one(bucket: str) -> None:
    assert list_folder(f"{bucket}/none") == {}
    with pytest.raises(StorageError, match="/none/models: (.*NotFound|.*there is no such bucket)"):
        list_folder(f"{bucket.removesuffix('bucket')}none/models")


@BUCKETS
def test_files_are_stored_whole_or_not_at_all(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full").write_bytes(b"x" * 7_000_000)  # Beam's s3:// sends parts of 5 MiB
    (tmp_path / "empty").touch()
    store(tmp_path, ["full", "empty"], f"{bucket}/there")
    sizes = {name: file.size for name, file in list_folder(f"{bucket}/there").items()}
    assert sizes == {"full": 7_000_000, "empty": 0}

    def break_off(original: IO[bytes], stream: IO[bytes]) -> None:
        stream.write(original.read(6_000_000))
        raise KeyboardInterrupt

    monkeypatch.setattr("preprocessing.stored_folders.shutil.copyfileobj", break_off)
    with pytest.raises(KeyboardInterrupt):
        store(tmp_path, ["full"], f"{bucket}/broken")
    assert list_folder(f"{bucket}/broken") == {}


@BUCKETS
def test_a_parquet_log_is_read_as_the_csv_is(bucket: str, tmp_path: Path) -> None:
    here = write_small_dataset(tmp_path, small_log())
    for name in ("items", "users"):
        upload(str(tmp_path / f"{name}.csv"), f"{bucket}/data/{name}.csv")
    pd.read_csv(tmp_path / "events.csv").to_parquet(tmp_path / "events.parquet")
    upload(str(tmp_path / "events.parquet"), f"{bucket}/data/logs/events.parquet")
    there = small_spec(events={"format": "parquet", "path": "logs/*.parquet"})
    there = there.with_data_dir(f"{bucket}/data")
    check_sources(there)
    (path,) = match_files(there.events.paths, "events.path")
    (csv,) = here.events.paths
    assert _rows(there, path) == _rows(here, csv) == len(small_log())


def _rows(spec: DatasetSpec, path: str) -> int:
    """How many rows of a log can be used."""
    parts = read_table(spec, "events", path)
    return sum(part.num_rows for part in parts if isinstance(part, pa.Table))
