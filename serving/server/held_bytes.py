"""Counts the bytes of messages that are held at once."""

from __future__ import annotations

import grpc

from serving.server.errors import RequestError


class HeldBytes:
    """Counts bytes up to a bound. It belongs to the event loop: nobody else may call it.

    Args:
        most: Bytes that may be held at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    def take(self, size: int) -> None:
        """Holds `size` bytes; `give_back` them.

        Raises:
            RequestError: RESOURCE_EXHAUSTED: there is no room for them now.
        """
        if self._held + size > self._most:
            raise RequestError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"The server is busy: {self._held} bytes of requests wait or are answered, and at "
                f"most {self._most} may (max_bytes_held). Send it again later.",
            )
        self._held += size

    def give_back(self, size: int) -> None:
        """Holds them no more."""
        self._held -= size
