"""Fixtures that every test may use."""

import functools
import gc
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from preprocessing import datasets
from tests.beam_overhead import no_repeated_work

ROOT = Path(__file__).parent.parent

# On a busy machine any example may take longer than the 200 ms that hypothesis would allow it.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(scope="session")
def ml_100k_dir() -> Path:
    """The folder of MovieLens-100K, fetched once into the repository's data/."""
    return datasets.fetch("ml-100k", ROOT / "data")


@pytest.fixture(scope="session", autouse=True)
def _quick_beam() -> Iterator[None]:
    """Beam's jobs in the tests' own process, where there are any, don't repeat its own work."""
    if "apache_beam" not in sys.modules:
        yield
        return
    with no_repeated_work():
        yield


def pytest_configure() -> None:
    """Looks for garbage less often: graphs of TensorFlow are millions of objects that live on, and
    to go through them again and again takes a tenth of the tests' time."""
    gc.set_threshold(200_000, 50, 1000)


def pytest_collection_finish() -> None:
    """Keeps what the imports left out of the search for garbage, and graphs as they were traced.

    Servers, which are processes of their own, optimise theirs.
    """
    gc.freeze()
    if "tensorflow" in sys.modules:
        from tests.quick_graphs import leave_graphs_as_traced

        leave_graphs_as_traced()


# Fixtures that take a minute or more to make, and what those who use them share: the run of a
# pipeline, or a ranker.
SHARED = {
    "small_run: SmallRun": "small run",
    "exported: Exported": "toy",
    "pretrained: Path": "toy",
    "toy: Toy": "toy",
}
SLOW_FIXTURES = {argument.partition(":")[0] for argument in SHARED}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves a file of slow tests alone where none are wanted: to import TFX takes longer than the
    quick tests."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    is_slow = re.search(
        r"^pytestmark = pytest\.mark\.slow$", collection_path.read_text(), re.MULTILINE
    )
    return True if is_slow else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks who uses a slow fixture, and puts long files first: no process is left alone with
    one."""
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    sharers = list(dict.fromkeys(SHARED.values()))
    long = {_group(item.nodeid) for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> int:
        group = _group(item.nodeid)
        if group in sharers:
            return sharers.index(group)
        return len(sharers) + (group not in long)

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names bytes by their argument: bytes that differ from process to process, such as gzip's with
    a time, would give the processes of a run other tests each."""
    return argname if isinstance(val, bytes) else None


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keeps a file's tests in one process, and files that share a fixture, in the order of
    collection."""
    from xdist.scheduler import LoadFileScheduling

    class _SharersTogether(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    config.option.loadscopereorder = False
    return _SharersTogether(config, log)


@functools.cache
def _group_of_file(name: str) -> str:
    text = (ROOT / name).read_text(encoding="utf-8")
    return next((group for argument, group in SHARED.items() if argument in text), name)


def _group(nodeid: str) -> str:
    """What a test is run together with: the rest of its file, or all that share a fixture."""
    return _group_of_file(nodeid.partition("::")[0])
