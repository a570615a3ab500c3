"""`python -m serving.precompute`: its flags, the batch job, and the streaming one."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from preprocessing.paths import absolute
from preprocessing.spec import DatasetSpec
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
_ASK_JOB_SERVER = ("PortableRunner", "FlinkRunner", "SparkRunner", "PrismRunner")  # which has flags of its own
_EPILOG = "All other flags are Beam's, such as --runner=FlinkRunner. A run that was cut short goes on when run again."


def run(argv: Sequence[str] | None = None) -> None:
    """Encodes the users of a log whose states are not in the store, once or as events arrive.

    Raises:
        ServingError: There is no such model or subscription, the store doesn't fit, or a flag is unknown or makes no
            sense.
        DataError: The log or a table can't be used.
    """
    flags, beam_flags = _parser().parse_known_args(argv)
    if flags.subscription and not flags.to.startswith(_REDIS):
        raise ServingError("--subscription needs Redis: --to=redis://host:port/db")
    version = ModelVersion.load(flags.model_name, flags.model, flags.ignored_context)
    spec = _with_paths(version.spec, flags)
    options = _beam_options(beam_flags)
    standard = options.view_as(StandardOptions)
    if flags.subscription:
        standard.streaming = True
    elif standard.runner is None:
        standard.runner = "FnApiRunner"  # Beam's own default first tries to download a server
    pipeline = beam.Pipeline(options=options)
    records = pipeline | _source(spec, flags, standard.runner)
    _ = records | StoreStates(version, _store(flags), flags.staleness_seconds // 2, flags.batch_size)
    result = pipeline.run()
    result.wait_until_finish()
    counts = {name: _count(result, name) for name in (SEEN, ENCODED)}
    print(f"Version {version.number}: {counts[SEEN]} users, {counts[ENCODED]} encoded; the others' states were there.")


def _parser() -> argparse.ArgumentParser:
    what = "Encodes the users of a log whose states are not in the store, once or as events arrive."
    parser = argparse.ArgumentParser(
        "python -m serving.precompute", description=what, epilog=_EPILOG, allow_abbrev=False
    )
    add = parser.add_argument
    add("--model", required=True, help="a model's directory of versions (the newest is taken), or a version's")
    add("--model-name", default="srp4ctr", help="the model's name on the server")
    add("--to", required=True, help="redis://host:port/db, rediss://, unix://, or a folder for TFRecords")
    for table in ("events", "items", "users"):
        add(f"--{table}", help=f"path or glob of the {table}, if not that of the model's dataset spec")
    add("--as-of", type=int, default=None, help="seconds since 1970, the time of the requests; default: now")
    add(
        "--staleness-seconds",
        type=int,
        default=86_400,
        help="the clients' Freshness.staleness_seconds: a state half as old is made anew, and Redis forgets it after "
        "that time; default: a day",
    )
    add(
        "--ignored-context",
        nargs="*",
        default=[],
        metavar="NAME",
        help="the clients' Freshness.ignored_context; without it a request's context must be that of the last event",
    )
    add("--shards", type=int, default=64, help="users are spread over so many; TFRecords: the same in every run")
    add("--batch-size", type=int, default=256, help="the most users encoded at once")
    add("--subscription", help="a Pub/Sub subscription of events as JSON objects: refresh users as they arrive")
    add("--delay", type=float, default=5.0, help="streaming: seconds from an event to its user's refresh")
    return parser


def _beam_options(flags: Sequence[str]) -> PipelineOptions:
    options = PipelineOptions(flags, save_main_session=False)
    known = PipelineOptions([]).get_all_options()
    unknown = sorted(set(options.get_all_options(retain_unknown_options=True)) - set(known))
    if unknown and options.view_as(StandardOptions).runner not in _ASK_JOB_SERVER:
        raise ServingError(f"--{unknown[0]}: neither this command nor Beam has such a flag. See --help.")
    return options


def _with_paths(spec: DatasetSpec, flags: argparse.Namespace) -> DatasetSpec:
    given = {name: getattr(flags, name) for name in ("events", "items", "users") if getattr(flags, name)}
    for name in given:
        if getattr(spec, name) is None:
            raise ServingError(f"--{name}: the model's dataset spec has no such table.")
    spec = spec.model_copy(update={name: getattr(spec, name).at(path) for name, path in given.items()})
    return spec.with_data_dir(absolute("."))  # workers have other working directories


def _source(spec: DatasetSpec, flags: argparse.Namespace, runner: str | None) -> beam.PTransform:
    if not flags.subscription:
        return UserRecords(spec, int(time.time()) if flags.as_of is None else flags.as_of, flags.shards)
    events = subscribed_events(flags.subscription, runner)
    return events | RefreshedRecords(spec, flags.delay, flags.shards)


def _store(flags: argparse.Namespace) -> StateStore:
    if flags.to.startswith(_REDIS):
        return RedisStore(flags.to, flags.staleness_seconds)
    return TFRecordStore(flags.to, flags.shards)


def _count(result: beam.runners.runner.PipelineResult, name: str) -> int:
    found = result.metrics().query(beam.metrics.MetricsFilter().with_namespace(METRICS).with_name(name))
    return sum(counter.committed for counter in found["counters"])
