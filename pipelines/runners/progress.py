"""Says which component is running, how far the run is, and how long it has left."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

# What each component does, and the seconds it took on MovieLens-100K on two cores. Only the proportions matter: the
# time left is what these say of the components to come, times how much slower or faster this run has been so far.
COMPONENTS = {
    "BehaviorLogExampleGen": ("turning the log into records", 12),
    "StatisticsGen": ("computing statistics", 12),
    "ImportSchemaGen": ("importing the schema", 1),
    "ExampleValidator": ("checking records against the schema", 1),
    "Transform": ("building vocabularies and transforming", 30),
    "Trainer.pretrain": ("pre-training FG-BERT", 90),
    "Trainer.ranker": ("fine-tuning SRP4CTR", 180),
    "Trainer.baseline": ("training the baseline without the encoder", 60),
    "Resolver.latest_blessed": ("finding the model to beat", 1),
    "Evaluator": ("evaluating SRP4CTR", 25),
    "Evaluator.baseline": ("evaluating the baseline", 25),
    "Pusher": ("pushing the model", 1),
}
_CACHED_BELOW_SECONDS = 0.5


class ComponentProgress(logging.Handler):
    """Listens to LocalDagRunner's log, which says when a component starts and ends, and prints a line for each.

    Args:
        console: Where to print.
        ids: The components' ids, in the order they run.
    """

    def __init__(self, console: Console, ids: Sequence[str]) -> None:
        super().__init__(logging.INFO)
        self._console, self._ids = console, list(ids)
        self._speeds = [1.0]  # seconds this run took for a second of COMPONENTS, of each component that really ran

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listens while the block runs, and says how long it all took."""
        logger = logging.getLogger("absl")
        level = logger.level
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        started = time.monotonic()
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.setLevel(level)
        self._console.print(f"All {len(self._ids)} components done in {_minutes(time.monotonic() - started)}.")

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "Component %s is running." and record.args:
            self._start(str(record.args[0]))
        elif record.msg == "Component %s is finished." and record.args:
            self._end(str(record.args[0]))

    def _start(self, component: str) -> None:
        self._started = time.monotonic()
        at = self._ids.index(component)
        what = COMPONENTS[component][0]
        left = sum(COMPONENTS[later][1] for later in self._ids[at:]) * self._speeds[-1]
        line = f"[{at + 1}/{len(self._ids)}] {component}: {what} (about {_minutes(left)} left)"
        self._console.print(line, markup=False)

    def _end(self, component: str) -> None:
        seconds = time.monotonic() - self._started
        typical = COMPONENTS[component][1]
        if seconds < _CACHED_BELOW_SECONDS and typical > 1:
            self._console.print("  unchanged: taken from the cache")
        elif typical > 1:
            self._speeds.append(seconds / typical)
            self._console.print(f"  done in {_minutes(seconds)}")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 100 else f"{seconds:.0f} s"
