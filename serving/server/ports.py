"""Whether a port can be listened on."""

from __future__ import annotations

import socket

from serving.server.errors import ServerStartError


def check_port(host: str, port: int, protocol: str) -> None:
    """Checks that a port is free; port 0 always is.

    Called before models are loaded, which takes a while.

    Raises:
        ServerStartError: The port is taken, or the host isn't this machine's.
    """
    if not port:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), port), family=family).close()
    except OSError as error:
        raise ServerStartError(
            f"{protocol} can't listen on {host}:{port}: {error.strerror}. Is another server "
            "running there? Choose another port."
        ) from error
