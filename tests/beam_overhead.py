"""Beam's runner without work that it repeats, which takes a third of the time of the tests' small
jobs.

For each of a hundred steps of a job it inspects the signatures of all methods of a DoFn, several
times over, and parses its options anew; and it goes through all loaded modules to weigh what a step
reads from the side. None of these depends on the step.
"""

from __future__ import annotations

import contextlib
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Inspected = tuple[list[str], list[Any]]  # names of arguments, and defaults


@contextlib.contextmanager
def no_repeated_work() -> Iterator[None]:
    """Patches Beam, so that it remembers what it found."""
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.worker import statecache
    from apache_beam.transforms import core

    inspect = _remembering_methods(core.get_function_args_defaults)
    view_as = _remembering_views(PipelineOptions.view_as)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(core, "get_function_args_defaults", inspect)
        patched.setattr(PipelineOptions, "view_as", view_as)
        patched.setattr(statecache, "get_deep_size", lambda *values: 1)
        yield


def _remembering_methods(inspect: Callable[[Any], Inspected]) -> Callable[[Any], Inspected]:
    """Methods of all objects of a class are alike."""
    known: dict[Any, Inspected] = {}

    def remembered(function: Any) -> Inspected:
        if not isinstance(function, types.MethodType):
            return inspect(function)
        if function.__func__ not in known:
            known[function.__func__] = inspect(function)
        names, defaults = known[function.__func__]
        return [*names], [*defaults]

    return remembered


def _remembering_views(view_as: Callable[..., Any]) -> Callable[..., Any]:
    """Views share the values of the options that they are of."""
    known: weakref.WeakKeyDictionary[Any, dict[type, Any]] = weakref.WeakKeyDictionary()

    def remembered(options: Any, kind: type) -> Any:
        views = known.setdefault(options, {})
        if kind not in views:
            views[kind] = view_as(options, kind)
        return views[kind]

    return remembered
