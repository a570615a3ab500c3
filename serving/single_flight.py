"""One computation for all who want the same thing at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from serving.deadline import Deadline
from serving.io import Io


class FlightFailedError(Exception):
    """The one who computed was cancelled, or ran out of time; whoever waited may try again."""


class SingleFlight:
    """Shares computations that are under way, by key.

    Args:
        io: How to wait.
    """

    def __init__(self, io: Io) -> None:
        self._io = io
        self._flights: dict[str, Any] = {}

    async def once(
        self, key: str, deadline: Deadline, compute: Callable[[], Awaitable[Any]]
    ) -> Any:
        """The result of `compute`, or of the computation for `key` that is under way.

        A computation that fails, fails for those who wait, too, unless only its own caller's time
        was up.

        Raises:
            TimeoutError: `deadline` passed while waiting.
        """
        while True:
            mine = self._io.future()
            flight = self._flights.setdefault(key, mine)  # atomic, so that one thread computes
            if flight is mine:
                return await self._fly(key, mine, compute)
            try:
                return await self._io.wait(flight, deadline.remaining())
            except FlightFailedError:
                continue

    async def _fly(self, key: str, future: Any, compute: Callable[[], Awaitable[Any]]) -> Any:
        try:
            result = await compute()
        except BaseException as error:
            shared = isinstance(error, Exception) and not getattr(error, "out_of_time", False)
            # First the key: who comes now must compute anew.
            del self._flights[key]
            future.set_exception(error if shared else FlightFailedError())
            future.exception()  # or asyncio complains of an exception that nobody looked at
            raise
        del self._flights[key]
        future.set_result(result)
        return result
