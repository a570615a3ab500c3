"""A request's body: within its bytes, within its time, and unzipped."""

from __future__ import annotations

import asyncio
import zlib
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request

from serving.server.errors import RequestError
from serving.server.held_bytes import HeldBytes

_GZIP_WINDOW = 31  # zlib's number for gzip's format
_CLOSE = {"Connection": "close"}  # the rest of the body stays unread


class BodyReader:
    """Reads requests' bodies, within bounds of bytes and time.

    Args:
        max_bytes: Bytes of a body.
        held: Counts the bytes of all messages.
        timeout_seconds: Until a body has come.
    """

    def __init__(self, max_bytes: int, held: HeldBytes, timeout_seconds: float) -> None:
        self._max_bytes = max_bytes
        self._held = held
        self._timeout_seconds = timeout_seconds

    async def read(self, request: Request) -> bytes:
        """The body as it was sent; `release` it when it is answered.

        Raises:
            HTTPException: It is too long, takes too long, or too much is held already. Nothing is
                held then.
        """
        # h11 has refused what is no number.
        declared = int(request.headers.get("content-length", 0))
        if declared > self._max_bytes:
            raise self._too_long(declared)
        body = bytearray()
        try:
            await asyncio.wait_for(self._fill(body, request), self._timeout_seconds)
        except asyncio.TimeoutError:
            self.release(len(body))
            message = f"The body did not come within {self._timeout_seconds:g} s."
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, message, _CLOSE) from None
        except BaseException:
            self.release(len(body))
            raise
        return bytes(body)

    def release(self, size: int) -> None:
        """Gives back the bytes of a body that was read."""
        self._held.give_back(size)

    async def _fill(self, body: bytearray, request: Request) -> None:
        async for chunk in request.stream():
            if len(body) + len(chunk) > self._max_bytes:
                raise self._too_long(f"more than {len(body)}")
            try:
                self._held.take(len(chunk))
            except RequestError as error:
                raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, error.message, _CLOSE) from None
            body += chunk

    def _too_long(self, size: object) -> HTTPException:
        message = f"A request has at most {self._max_bytes} bytes. Received: {size}"
        return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, _CLOSE)


def decode_body(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """A body without its Content-Encoding, which is "", `identity` or `gzip`.

    Raises:
        HTTPException: The encoding isn't known, the body isn't in it, or it unzips to more than
            `max_bytes`.
    """
    if encoding.lower() in ("", "identity"):
        return body
    if encoding.lower() not in ("gzip", "x-gzip"):
        message = f"Content-Encoding must be gzip or identity. Received: {encoding[:100]!r}"
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message)
    unzip = zlib.decompressobj(_GZIP_WINDOW)
    try:
        found = unzip.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"The body is not gzip: {error}") from None
    if len(found) > max_bytes:
        message = f"A request has at most {max_bytes} bytes. This one unzips to more."
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
    if not unzip.eof or unzip.unused_data:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, "The body is not gzip: it is cut, or has more than one member."
        )
    return found
