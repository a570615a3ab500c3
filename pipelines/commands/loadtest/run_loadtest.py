"""`srp4ctr loadtest`: puts load on a server and writes what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from rich.console import Console

from pipelines.errors import RunError
from preprocessing.features import CANDIDATE_ITEM_ID
from preprocessing.record_values import for_client, plain_values
from serving.async_client import AsyncRankingClient
from serving.client import LruCache, RankingClient
from serving.loadtest import report, served_model
from serving.loadtest.outcomes import Outcomes
from serving.loadtest.plan import LoadPlan
from serving.loadtest.runner import run, run_async
from serving.loadtest.traffic import RecordedTraffic, SyntheticTraffic, Traffic


def run_loadtest(
    address: str,
    name: str,
    plan: LoadPlan,
    *,
    history: int,
    records: str | None,
    out: Path,
    in_event_loop: bool = False,
) -> None:
    """Runs the plan, prints a table and, last, a line of JSON; writes both and a plot to `out`.

    Args:
        address: host:port of the server.
        name: The model's name on it.
        plan: The load.
        history: Behaviours of a made-up user.
        records: Glob of gzipped TFRecords of raw records to take users and items from; None makes
            them up.
        out: The output directory.
        in_event_loop: Whether the asyncio client sends the requests, rather than threads.

    Raises:
        RunError: No record matches.
        ServingError: The server doesn't serve the model.
    """
    model = served_model.ask(address, name)
    inputs = model.user_inputs
    traffic = (
        _recorded(records, inputs, plan.users)
        if records
        else SyntheticTraffic(inputs, history, seed=plan.seed)
    )
    load = (address, name, plan, traffic, model.tasks[0])
    outcomes = asyncio.run(_with_asyncio(*load)) if in_event_loop else _with_threads(*load)
    summary = {"plan": plan.model_dump(mode="json")} | outcomes.summary()
    out.mkdir(parents=True, exist_ok=True)
    (out / "loadtest.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
    report.plot(plan, outcomes, out / "loadtest.png")
    Console().print(report.table(plan, outcomes))
    print(f"Wrote {out / 'loadtest.json'} and {out / 'loadtest.png'}")
    print(json.dumps(summary))  # not by the console, which would wrap it


def parse_mix(text: str) -> dict[int, float]:
    """Candidate counts and shares of "10:0.2,100:0.8".

    Raises:
        RunError: It doesn't read so.
    """
    try:
        mix = {}
        for part in text.split(","):
            count, share = part.split(":")
            mix[int(count)] = float(share)
        return mix
    except ValueError:
        raise RunError(f"--candidates must read like 10:0.2,100:0.8. Received: {text!r}") from None


def _with_threads(address: str, name: str, plan: LoadPlan, traffic: Traffic, task: str) -> Outcomes:
    with RankingClient(address, name, plan.timeout_seconds, caches=_caches(plan)) as client:
        return run(client, plan, traffic, task)


async def _with_asyncio(
    address: str, name: str, plan: LoadPlan, traffic: Traffic, task: str
) -> Outcomes:
    async with AsyncRankingClient(
        address, name, plan.timeout_seconds, caches=_caches(plan)
    ) as client:
        return await run_async(client, plan, traffic, task)


def _caches(plan: LoadPlan) -> list[LruCache]:
    return [LruCache(max_bytes=plan.cache_mib * 2**20)] if plan.cache_mib else []


def _recorded(pattern: str, infos: Mapping[str, Any], users: int) -> RecordedTraffic:
    files = sorted(tf.io.gfile.glob(pattern))
    if not files:
        raise RunError(f"--records {pattern}: no file matches.")
    features = []
    items: dict[str, None] = {}  # a set that keeps the order
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").take(users)
    for record in records.as_numpy_iterator():
        example = tf.train.Example.FromString(record).features.feature
        features.append({name: _values(example[name], info) for name, info in infos.items()})
        items |= dict.fromkeys(plain_values(example[CANDIDATE_ITEM_ID]))
    return RecordedTraffic(features, list(items))


def _values(feature: tf.train.Feature, info: Any) -> Any:
    values = for_client(plain_values(feature))
    return values if len(info.tensor_shape.dim) == 2 else values[0]
