"""The job behind `srp4ctr precompute`: from users of a log or subscription to stored states."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import time
from collections.abc import Iterator, Sequence

import apache_beam as beam
import redis
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from preprocessing import read_checked
from preprocessing.endpoints import EndpointError, check_job_server
from preprocessing.errors import DataError, without_step
from preprocessing.paths import absolute, path_problem
from preprocessing.sources.check import check_tables
from preprocessing.sources.files import files_of
from preprocessing.spec import DatasetSpec
from preprocessing.stored_folders import StorageError
from preprocessing.user_records import UserRecords
from serving.errors import ServingError
from serving.precompute.model import ModelVersion
from serving.precompute.pubsub import subscribed_events
from serving.precompute.redis_store import RedisStore
from serving.precompute.stores import StateStore
from serving.precompute.streaming import RefreshedRecords
from serving.precompute.tfrecord_store import TFRecordStore
from serving.precompute.transform import ENCODED, METRICS, SEEN, StoreStates

_REDIS = ("redis://", "rediss://", "unix://")
_SERVER = re.compile(r"[A-Za-z][A-Za-z0-9.-]*:[0-9]+(/.*)?")  # host:port of redis://host:port/db
# These ask a job server, which has flags of its own.
_ASK_JOB_SERVER = ("PortableRunner", "FlinkRunner", "SparkRunner", "PrismRunner")


@dataclasses.dataclass(frozen=True)
class Precomputation:
    """What is encoded, and where its states go.

    Attributes:
        model: A model's directory of versions, of which the newest is taken, or a version's.
        model_name: The model's name on the server.
        to: redis://host:port/db, rediss://, unix://, or a folder for TFRecords.
        tables: Paths that replace those of the model's dataset spec, by table: events, items,
            users.
        as_of: Seconds since 1970, the time of the requests; None for now.
        staleness_seconds: The clients' `Freshness.staleness_seconds`: a state half as old is made
            anew.
        ignored_context: The clients' `Freshness.ignored_context`.
        shards: Users are spread over so many.
        batch_size: The most users encoded at once.
        subscription: A Pub/Sub subscription of events; None for the log.
        delay: Seconds from an event of the subscription to its user's refresh.
    """

    model: str
    model_name: str
    to: str
    tables: dict[str, str]
    as_of: int | None
    staleness_seconds: int
    ignored_context: tuple[str, ...]
    shards: int
    batch_size: int
    subscription: str | None
    delay: float


def precompute_states(asked: Precomputation, beam_flags: Sequence[str]) -> None:
    """Encodes the users of a log whose states are not in the store, once or as events arrive.

    Raises:
        ServingError: There is no such model or subscription, the store doesn't fit or can't be
            used, a flag is unknown or makes no sense, or the job fails.
        DataError: The log or a table can't be used, or too many of its rows.
    """
    _check_flags(asked)
    if asked.subscription and not asked.to.startswith(_REDIS):
        raise ServingError("--subscription needs Redis: --to=redis://host:port/db")
    options = _beam_options(beam_flags)
    version = ModelVersion.load(asked.model_name, asked.model, asked.ignored_context)
    spec = _with_paths(version.spec, asked.tables)
    _check_tables(spec, asked)
    standard = options.view_as(StandardOptions)
    if asked.subscription:
        standard.streaming = True
    elif standard.runner is None:
        standard.runner = "FnApiRunner"  # Beam's own default first tries to download a server
    pipeline = beam.Pipeline(options=options)
    records = pipeline | _source(spec, asked, standard.runner)
    with _named("--to"):
        store = _store(asked)
    # A state that is half as old as clients allow wouldn't last until another run.
    _ = records | StoreStates(version, store, asked.staleness_seconds // 2, asked.batch_size)
    with _named("--to"):
        store.check()
    result = _run(pipeline)
    seen = _count(result, METRICS, SEEN)
    encoded = _count(result, METRICS, ENCODED)
    print(
        f"Version {version.number}: {seen} users, {encoded} encoded; the others' states were there."
    )
    rows = _count(result, read_checked.METRICS, read_checked.ROWS)
    rejected = _count(result, read_checked.METRICS, read_checked.ROWS_REJECTED)
    print(f"Of the {rows} rows of the log and its tables, {rejected} can't be used.")


def _check_flags(asked: Precomputation) -> None:
    given = {"model": asked.model, "to": asked.to, "subscription": asked.subscription}
    for name, value in (given | asked.tables).items():
        if value is not None and not value.strip():
            raise ServingError(f"--{name} is empty, as an unset variable would leave it.")
    for name, path in ({"model": asked.model, "to": asked.to} | asked.tables).items():
        problem = path_problem(path)
        if problem:
            raise ServingError(f"--{name}: {problem}")
    if _SERVER.fullmatch(asked.to):
        raise ServingError(
            f"--to: {asked.to} is neither a URL, such as redis://{asked.to}, nor a name here, "
            f"which would be ./{asked.to}"
        )


def _check_tables(spec: DatasetSpec, asked: Precomputation) -> None:
    """Checks that the files of all tables are there, with the columns that are needed.

    Raises:
        DataError: They aren't.
    """
    for name in asked.tables:
        try:
            files_of(getattr(spec, name), "")
        except DataError as error:
            raise DataError(f"--{name}: {error}") from error
    check_tables(spec)


@contextlib.contextmanager
def _named(flag: str) -> Iterator[None]:
    """Names the flag that gave what can't be used."""
    try:
        yield
    except (ServingError, StorageError) as error:
        raise ServingError(f"{flag}: {error}") from error


def _run(pipeline: beam.Pipeline) -> beam.runners.runner.PipelineResult:
    """Runs the job to its end.

    Raises:
        ServingError: It failed. Beam has logged where.
    """
    try:
        result = pipeline.run()
        result.wait_until_finish()
    except (OSError, redis.RedisError, RuntimeError) as error:  # of workers elsewhere it is text
        lines = without_step(str(error).strip()).splitlines()
        raise ServingError(
            f"the job failed: {lines[-1] if lines else type(error).__name__}. Run again, it goes "
            "on where it was."
        ) from error
    return result


def _beam_options(flags: Sequence[str]) -> PipelineOptions:
    options = PipelineOptions(flags, save_main_session=False)
    known = PipelineOptions([]).get_all_options()
    unknown = sorted(set(options.get_all_options(retain_unknown_options=True)) - set(known))
    if unknown and options.view_as(StandardOptions).runner not in _ASK_JOB_SERVER:
        raise ServingError(
            f"--{unknown[0]}: neither this command nor Beam has such a flag. See --help."
        )
    try:
        check_job_server(options.get_all_options())
    except EndpointError as error:
        raise ServingError(str(error)) from error
    return options


def _with_paths(spec: DatasetSpec, tables: dict[str, str]) -> DatasetSpec:
    for name in tables:
        if getattr(spec, name) is None:
            raise ServingError(f"--{name}: the model's dataset spec has no such table.")
    replaced = {name: getattr(spec, name).at(path) for name, path in tables.items()}
    spec = spec.model_copy(update=replaced)
    return spec.with_data_dir(absolute("."))  # workers have other working directories


def _source(spec: DatasetSpec, asked: Precomputation, runner: str | None) -> beam.PTransform:
    if not asked.subscription:
        as_of = int(time.time()) if asked.as_of is None else asked.as_of
        return UserRecords(spec, as_of, asked.shards)
    events = subscribed_events(asked.subscription, runner)
    return events | RefreshedRecords(spec, asked.delay, asked.shards)


def _store(asked: Precomputation) -> StateStore:
    if asked.to.startswith(_REDIS):
        return RedisStore(asked.to, asked.staleness_seconds)
    return TFRecordStore(asked.to, asked.shards)


def _count(result: beam.runners.runner.PipelineResult, namespace: str, name: str) -> int:
    found = result.metrics().query(
        beam.metrics.MetricsFilter().with_namespace(namespace).with_name(name)
    )
    return sum(counter.committed for counter in found["counters"])
