"""`srp4ctr rank`: the catalogue ranked for one user, through a model server and the gRPC client."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.config import RunConfig, load_run_config
from pipelines.errors import RunError
from preprocessing.features import TIMESTAMP, USER_ID, user_inputs
from preprocessing.lookup import met_items, user_record
from preprocessing.record_values import for_client, plain_features
from preprocessing.spec import DatasetSpec
from preprocessing.titles import read_titles
from serving.client import RankingClient
from serving.contract import DEFAULT_MODEL_NAME
from serving.inputs import User
from serving.server import ModelServer


def rank_for_user(config_path: Path, user_id: str, top: int, server: str | None) -> None:
    """Prints the `top` items that the user has not met yet, with each task's probability.

    Args:
        config_path: The run's YAML file.
        user_id: An id of the log; an unknown one is scored with an empty history.
        top: How many items to print.
        server: host:port of a running model server; None starts one on the pushed model.

    Raises:
        RunError: there is no pushed model, or no item table to take candidates from.
    """
    console = Console(soft_wrap=True)
    config = load_run_config(config_path).at_span()
    titles = read_titles(config.spec)
    if not titles:
        raise RunError(
            f"{config_path}: dataset.items.title is needed: this command ranks the rows of an "
            "item table, and shows their titles. Without such a table, ask a server for scores: "
            "docs/serving.md, The client."
        )
    if server is None:
        _check_pushed(config)
    user = _user(config.spec, user_id, console)
    met = met_items(config.spec, user_id)
    candidates = [item for item in titles if item not in met]
    console.print(
        f"Ranking {len(candidates):,} items for user {user_id}, who has met {len(met):,}."
    )
    with (
        _server(config, server) as address,
        # Who asks by this command can't send what a log doesn't have.
        RankingClient(address, DEFAULT_MODEL_NAME, timeout_seconds=30.0, unsent="ignore") as client,
    ):
        ranked = client.rank(user, candidates, top=top, by=next(iter(config.dataset.tasks)))
    console.print(_table(ranked, titles, list(config.dataset.tasks)))


def _user(spec: DatasetSpec, user_id: str, console: Console) -> User:
    record = user_record(spec, user_id)
    if record is None:
        console.print(
            f"User {user_id} is not in the log: scored as a new user, with an empty history."
        )
        return {USER_ID: user_id, TIMESTAMP: int(time.time())}
    features = plain_features(record, user_inputs(spec))
    return {name: for_client(values) for name, values in features.items()}


@contextmanager
def _server(config: RunConfig, address: str | None) -> Iterator[str]:
    if address is not None:
        yield address
        return
    pushed = config.paths.pushed
    with ModelServer(DEFAULT_MODEL_NAME, pushed, grpc_port=0, rest_port=0) as server:
        yield f"127.0.0.1:{server.grpc_port}"


def _check_pushed(config: RunConfig) -> None:
    paths = config.paths
    if paths.is_local and not paths.serving_model.is_dir():
        raise RunError(f"{paths.pushed}: no pushed model. Run `srp4ctr run` first.")


def _table(
    ranked: list[tuple[str, dict[str, float]]], titles: dict[str, str], tasks: list[str]
) -> Table:
    table = Table("rank", "item", "title")
    for task in tasks:
        table.add_column(f"P({task})")
    for place, (item, scores) in enumerate(ranked, start=1):
        probabilities = [f"{scores[task]:.3f}" for task in tasks]
        table.add_row(str(place), item, titles[item], *probabilities)
    return table
