"""Bounds gRPC answers that clients don't read: the bytes of all, and how long each may wait."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from urllib.parse import unquote

from serving.server.held_bytes import HeldBytes

READ_SECONDS = 30.0  # for a client to take an answer, from when it is there
_OPEN_FILES = "/dev/fd"
_MAPPED = "::ffff:"  # before an IPv4 address, where a socket takes both kinds


class UnreadAnswers:
    """Holds answers until they are sent, and closes the connections of those that aren't.

    A client that asks and grants no window for the answer costs no thread, and answers keepalive
    pings. Without a bound its answers stay until the connection is as old as connections get.

    Args:
        held: Counts their bytes.
    """

    def __init__(self, held: HeldBytes) -> None:
        self._held = held

    def expect(self, size: int, peer: str) -> None:
        """Holds an answer of `size` bytes, which the calling task goes on to send to a peer.

        Raises:
            RequestError: RESOURCE_EXHAUSTED: there is no room for it now.
        """
        self._held.take(size)
        task = asyncio.current_task()
        assert task is not None, "answers are sent by tasks"
        timer = asyncio.get_running_loop().call_later(READ_SECONDS, _disconnect, peer)

        def sent(_: asyncio.Task[None]) -> None:
            timer.cancel()
            self._held.give_back(size)

        task.add_done_callback(sent)


def _disconnect(peer: str) -> None:
    """Closes the connection from a peer, by gRPC's name for it: `ipv4:10.0.0.7:50000`.

    A server of grpc.aio can't cancel a call that it answers already, nor close a connection. It
    does both when the connection ends. Those of a Unix-domain socket have no names.
    """
    host, _, port = unquote(peer).partition(":")[2].rpartition(":")
    if not port.isdigit():
        return
    for name in os.listdir(_OPEN_FILES):
        # Others of this process's files aren't connections, or are closed meanwhile.
        with contextlib.suppress(OSError), _duplicate(int(name)) as connection:
            if _name(connection) == (host.strip("[]"), port):
                connection.shutdown(socket.SHUT_RDWR)


def _name(connection: socket.socket) -> tuple[str, str]:
    """Host and port of a connection's peer; those of a Unix-domain socket are empty."""
    found = connection.getpeername()
    if isinstance(found, tuple):
        return found[0].removeprefix(_MAPPED), str(found[1])
    return "", ""


def _duplicate(number: int) -> socket.socket:
    """A file by another number, so that it stays what it is while it is looked at.

    The family only says how long an address may be: both kinds fit.
    """
    return socket.fromfd(number, socket.AF_INET6, socket.SOCK_STREAM)
