"""Paths of configurations: what is neither a path nor a URL is refused, by its key."""

from __future__ import annotations

from typing import Annotated

import pydantic
from pydantic_core import PydanticCustomError

from preprocessing.config import is_saved
from preprocessing.explain import REFUSED
from preprocessing.paths import path_problem


def _known(paths: str | tuple[str, ...], info: pydantic.ValidationInfo) -> str | tuple[str, ...]:
    if is_saved(info):  # an earlier version took all
        return paths
    for path in (paths,) if isinstance(paths, str) else paths:
        problem = path_problem(path)
        if problem:
            raise PydanticCustomError(REFUSED, "{problem}.", {"problem": problem})
    return paths


# Marks a path, or several.
KNOWN_PATHS = pydantic.AfterValidator(_known)
KnownPath = Annotated[str, KNOWN_PATHS]
