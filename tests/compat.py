"""For the tests of private APIs: they say which module has to follow when one has changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def follows(module: str, api: str) -> Iterator[None]:
    """Fails with the private API's name and the module that uses it, whatever goes wrong inside."""
    try:
        yield
    except Exception as error:  # an API may break in any way
        pytest.fail(f"{api} has changed, and {module} has to follow: {error!r}")
