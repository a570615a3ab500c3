"""What to try when a request to a model server fails."""

from __future__ import annotations

import re

import grpc

_NOT_TRUSTED = re.compile("handshak|verif", re.IGNORECASE)


def advice(code: grpc.StatusCode, details: str, seconds: float, max_message_bytes: int) -> str:
    """A sentence for a failure, or "".

    Args:
        code: The gRPC status code.
        details: gRPC's or the server's own words.
        seconds: The call's time budget.
        max_message_bytes: The client's limit.
    """
    if code == grpc.StatusCode.UNAVAILABLE:
        return _unavailable(details)
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        waited = f"No answer within {seconds:g} seconds:"
        return f"{waited} raise timeout_seconds, or send fewer candidates."
    if code == grpc.StatusCode.RESOURCE_EXHAUSTED:
        return _exhausted(details, max_message_bytes)
    return ""


def _exhausted(details: str, max_message_bytes: int) -> str:
    """Tells a message that is too large from a busy server, which says itself what to do."""
    if "larger than max" not in details:
        return ""
    if "SERVER:" in details:
        return "Raise the server's --max_message_bytes, or send fewer candidates."
    limit = f"A message is larger than {max_message_bytes} bytes."
    return f"{limit} Raise max_message_bytes, or send fewer candidates."


def _unavailable(details: str) -> str:
    """Tells apart the three cases for which gRPC has one code.

    The server isn't trusted, ends the connection, or doesn't answer at all.
    """
    if _NOT_TRUSTED.search(details):
        return (
            "The server's certificate was not accepted: Tls.ca_file must have signed it, and "
            "Tls.server_name (or the address) must be in it."
        )
    if "Socket closed" in details:
        return (
            "What listens there ended the connection: is it a model server that wants TLS "
            "(ChannelOptions.tls), or a client certificate that its custom_ca has signed "
            "(Tls.cert_file)?"
        )
    return (
        "No model server answers there: start one (`srp4ctr serve MODEL_DIR`), or mend the address."
    )
