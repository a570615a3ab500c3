"""Two ways of waiting, so that the client's coroutines are written only once.

With `AsyncIo` their awaits really wait. With `BlockingIo` nothing that they await ever suspends:
it blocks its thread instead. So `run` can drive such a coroutine to its end without an event loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

import grpc
import grpc.aio

from serving.channel_options import ChannelOptions

T = TypeVar("T")


class Io(Protocol):
    """What the client's coroutines wait for."""

    channel: Any

    async def call_all(
        self, method: Any, requests: Sequence[Any], timeout_seconds: float
    ) -> list[Any]:
        """The responses to concurrent requests; the first failure's grpc.RpcError if one fails."""
        ...

    async def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a cache's method returns, or what it returns an awaitable of."""
        ...

    async def wait(self, future: Any, timeout_seconds: float) -> Any:
        """A future's result; TimeoutError after a time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        ...

    def future(self) -> Any:
        """A new future."""
        ...

    async def close(self) -> None:
        """Closes the channel."""
        ...


class BlockingIo:
    """Waits by blocking the calling thread; several threads may share it."""

    def __init__(self, address: str, options: ChannelOptions) -> None:
        self.channel = options.open(grpc, address)
        self._ready = options.wait_for_ready

    async def call_all(
        self, method: Any, requests: Sequence[Any], timeout_seconds: float
    ) -> list[Any]:
        options = {"timeout": timeout_seconds, "wait_for_ready": self._ready}
        # A single call, the commonest case, is cheaper without a future.
        if len(requests) == 1:
            return [method(requests[0], **options)]
        calls = [method.future(request, **options) for request in requests]
        try:
            return [call.result() for call in calls]
        finally:
            for call in calls:
                call.cancel()  # which does nothing to those that are done

    async def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)

    async def wait(self, future: Any, timeout_seconds: float) -> Any:
        try:
            return future.result(timeout_seconds)
        except concurrent.futures.TimeoutError:  # an alias of TimeoutError since Python 3.11
            raise TimeoutError from None

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def future(self) -> Any:
        return concurrent.futures.Future()

    async def close(self) -> None:
        self.channel.close()

    @staticmethod
    def run(coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine that awaits nothing but this object."""
        try:
            # Nothing in it suspends, so that it runs to its end at once.
            coroutine.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError(f"{coroutine} awaited something that BlockingIo does not offer")


class AsyncIo:
    """Waits in the event loop that it was made in."""

    def __init__(self, address: str, options: ChannelOptions) -> None:
        self.channel = options.open(grpc.aio, address)
        self._ready = options.wait_for_ready

    async def call_all(
        self, method: Any, requests: Sequence[Any], timeout_seconds: float
    ) -> list[Any]:
        options = {"timeout": timeout_seconds, "wait_for_ready": self._ready}
        calls = [method(request, **options) for request in requests]
        try:
            return list(await asyncio.gather(*calls))
        finally:
            for call in calls:
                call.cancel()

    async def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        found = function(*arguments)
        return await found if inspect.isawaitable(found) else found

    async def wait(self, future: Any, timeout_seconds: float) -> Any:
        try:
            return await asyncio.wait_for(asyncio.shield(future), timeout_seconds)
        except asyncio.TimeoutError:  # an alias of TimeoutError since Python 3.11
            raise TimeoutError from None

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def future(self) -> Any:
        return asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        await self.channel.close()
