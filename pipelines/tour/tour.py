"""`srp4ctr tour`: a walk through a finished run's model, with one user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from pipelines.config import LOG, RunConfig, load_run_config
from pipelines.errors import RunError
from pipelines.finished import config_of
from pipelines.logs import logs_to
from pipelines.report.blocks import WITH
from pipelines.tour.step import Step


def tour(config_path: Path, user_id: str | None = None) -> None:
    """Prints the stops of the tour.

    Args:
        config_path: The run's YAML file; the run itself says what it was made with.
        user_id: An id of the log; None chooses one that pre-training did not learn from.

    Raises:
        RunError: there is no finished run, or no such user.
    """
    console = Console()
    root = load_run_config(config_path).paths.root
    if not (root / "config.json").is_file():
        raise RunError(
            f"{root}: there is no run to walk through. Make one: srp4ctr run {config_path}"
        )
    console.print(f"Looking at the run in {root}, which takes about a minute ...")
    with logs_to(root / LOG):
        steps = list(walk(config_of(root), user_id))
    for number, step in enumerate(steps, 1):
        console.print(f"\n[bold]{number}. {escape(step.title)}[/bold]")
        console.print(step.says, markup=False, highlight=False)
        for table in step.tables:
            console.print(table)


def walk(config: RunConfig, user_id: str | None = None) -> Iterator[Step]:
    """The stops, each made when it is asked for.

    Args:
        config: The configuration that made the run.
        user_id: As for `tour`.
    """
    # These import TFX and TensorFlow, whose messages `tour` keeps off the terminal.
    from pipelines.tour.attention import attention_step
    from pipelines.tour.filling_step import filling_step
    from pipelines.tour.history import history_step
    from pipelines.tour.models import load_models
    from pipelines.tour.person import held_out_users, longest, read_person
    from pipelines.tour.ranking import rank_with_all, ranking_step

    spec = config.spec
    task = next(iter(config.dataset.tasks))
    person = None if user_id is None else read_person(spec, user_id)
    models = load_models(config)
    held_out = held_out_users(models.held_out)
    if person is None:
        person = read_person(spec, longest(held_out))
    raw = person.tensors(spec)
    words = models.words
    met = set(person.items)
    # Sorted by frequency, as the vocabulary is, until the models rank them.
    unmet = [item for item in words.items() if item not in met]
    rankings = rank_with_all(models.scorers, raw, unmet, task)
    yield history_step(spec, person, words)
    features = models.module.user_features(raw)
    yield filling_step(models.objective, features, words, person.user_id in held_out)
    yield attention_step(models.module, person, rankings[WITH].items[0], words)
    yield ranking_step(rankings, words, task)
