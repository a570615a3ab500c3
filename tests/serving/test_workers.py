"""Threads that answer requests don't keep what they answered."""

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Iterator

import grpc
import pytest

from serving.server.errors import RequestError
from serving.server.workers import Workers


class Request:
    """What can be referred to weakly."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Only references keep objects, and only their end frees them."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@contextlib.contextmanager
def _passed_through() -> Iterator[None]:
    """In some releases of Python its frame knows the error."""
    yield


def test_a_request_that_is_refused_is_freed_at_once(no_collector: None) -> None:
    references = []

    def refuse(request: Request) -> None:
        references.append(weakref.ref(request))
        with _passed_through():
            try:
                raise ValueError
            except ValueError:
                raise RequestError(grpc.StatusCode.INVALID_ARGUMENT, "no") from None

    async def answer() -> None:
        workers = Workers("test", threads=1, max_waiting=1)
        with contextlib.suppress(RequestError):
            await workers.run(refuse, Request())
        workers.close()

    asyncio.run(answer())
    assert references[0]() is None
