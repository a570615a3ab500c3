"""Threads that answer requests don't keep what they answered."""

import asyncio
import contextlib
import gc
import threading
import weakref
from collections.abc import Iterator

import grpc
import pytest

from serving.server.errors import RequestError
from serving.server.workers import Workers


def test_what_is_left_alone_ends_when_its_thread_does() -> None:
    go_on = threading.Event()
    ended: list[str] = []

    async def answer() -> None:
        workers = Workers("test", threads=1, max_waiting=1)
        running = asyncio.create_task(
            workers.run(go_on.wait, ended=lambda: ended.append("running"))
        )
        waiting = asyncio.create_task(
            workers.run(go_on.wait, ended=lambda: ended.append("waiting"))
        )
        await asyncio.sleep(0)
        with pytest.raises(RequestError, match="1 requests wait already"):
            await workers.run(go_on.wait, ended=lambda: ended.append("refused"))
        assert ended == ["refused"]
        for task in (waiting, running):
            task.cancel()
            await asyncio.wait([task])
        assert ended == ["refused", "waiting"]
        go_on.set()
        await workers.run(go_on.wait, ended=lambda: ended.append("next"))
        assert ended == ["refused", "waiting", "running", "next"]
        workers.close()

    asyncio.run(answer())


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
