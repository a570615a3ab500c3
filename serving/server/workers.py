"""The threads that answer requests, behind a queue with an end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import grpc

from serving.server.errors import RequestError
from serving.server.given_up import run_until_given_up

T = TypeVar("T")


class Workers:
    """Runs functions on threads for the coroutines of one event loop.

    Args:
        name: The threads' name.
        threads: Functions that run at once.
        max_waiting: Those that may wait for a thread; one more is refused.
    """

    def __init__(self, name: str, threads: int, max_waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = asyncio.Semaphore(threads)
        self._waiting = 0
        self._max_waiting = max_waiting

    async def run(
        self,
        function: Callable[..., T],
        *arguments: Any,
        ended: Callable[[], object] = lambda: None,
    ) -> T:
        """Runs a function on a thread.

        It keeps the thread, and its arguments, until it ends, even if its caller is cancelled; it
        can ask `is_given_up` whether that has happened.

        Args:
            function: What to run.
            *arguments: Its arguments.
            ended: Called on the event loop when it has ended, or won't run.

        Raises:
            RequestError: RESOURCE_EXHAUSTED, if too many wait.
        """
        with contextlib.ExitStack() as at_end:
            at_end.callback(ended)
            await self._wait()
            at_end.callback(self._free.release)
            given_up = threading.Event()
            future = self._pool.submit(_call, given_up, function, *arguments)
            try:
                return await asyncio.wrap_future(future)
            finally:
                if not future.done():
                    # The caller was cancelled; its thread becomes free when the function ends.
                    given_up.set()
                    loop = asyncio.get_running_loop()
                    later = at_end.pop_all()
                    future.add_done_callback(lambda _: _post(loop, later.close))
                # An error that leaves here knows this frame, and the future knows the error.
                del future

    def close(self) -> None:
        """Takes no more; what runs on a thread is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _wait(self) -> None:
        if self._free.locked() and self._waiting >= self._max_waiting:
            raise RequestError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"The server is busy: {self._waiting} requests wait already. Send it again later.",
            )
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1


def _call(given_up: threading.Event, function: Callable[..., T], *arguments: Any) -> T:
    try:
        return run_until_given_up(given_up, function, *arguments)
    except RequestError as error:
        # The frames that it came through hold the request, and some of them the error itself: all
        # that would stay until the garbage collector comes.
        error.__context__ = None
        raise error.with_traceback(None) from None


def _post(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and with it the server
        loop.call_soon_threadsafe(callback)
