"""What other packages add to the registries, by entry points: nobody has to change this one.

| group | what it adds |
| --- | --- |
| srp4ctr.rankers | a ranker for `ranker.model` |
| srp4ctr.ranker_options | the class of its options |
| srp4ctr.objectives, srp4ctr.objective_options | the same for `pretrain.objective` |
| srp4ctr.kinds | a kind of feature |
| srp4ctr.formats | a file format: the class of its options |
| srp4ctr.metrics | a `pipelines.metric.Metric` |

An entry point's name is the one that configurations take, its value `package.module:Class`.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable
from importlib import metadata
from typing import Any

_GROUPS = "srp4ctr."


def plugins(group: str, taken: Iterable[str] = ()) -> dict[str, str]:
    """Where the things of a group are, by name: `package.module.Class`. Nothing is imported.

    Args:
        group: Such as `rankers`.
        taken: Names that aren't to be had.

    Raises:
        ValueError: a name is taken, or two packages add it.
    """
    found: dict[str, str] = {}
    for entry in _entry_points().select(group=f"{_GROUPS}{group}"):
        path = entry.value.replace(":", ".")
        other = ""
        if entry.name in taken:
            other = "srp4ctr has one of this name"
        elif found.get(entry.name, path) != path:
            other = f"{found[entry.name]} has this name, too"
        if other:
            raise ValueError(
                f"{path}, an entry point of {_GROUPS}{group}, can't be {entry.name!r}: {other}."
            )
        found[entry.name] = path
    return found


def load(path: str) -> Any:
    """What is at `package.module.name`."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


@functools.cache
def _entry_points() -> Any:
    return metadata.entry_points()  # Python 3.10 has another class for them than 3.12


def packages_with_plugins() -> list[str]:
    """`name version` of each package that adds something."""
    found = set()
    for package in metadata.distributions():
        if any(entry.group.startswith(_GROUPS) for entry in package.entry_points):
            found.add(f"{package.metadata['Name']} {package.version}")
    return sorted(found)
