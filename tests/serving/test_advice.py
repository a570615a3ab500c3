"""What a client adds to a failure fits it."""

from __future__ import annotations

import grpc
import pytest

from serving.advice import advice

BUSY = "The server is busy: 256 requests wait already. Send it again later."
OWN = "A message is larger than 100 bytes. Raise max_message_bytes, or send fewer candidates."
SERVERS = "Raise the server's --max_message_bytes, or send fewer candidates."


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (BUSY, ""),
        ("OOM when allocating tensor with shape[5000,5000]", ""),
        ("CLIENT: Sent message larger than max (200 vs. 100)", OWN),
        ("Stream removed (CLIENT: Received message larger than max (300 vs. 100))", OWN),
        ("Received message larger than max (300 vs. 100)", OWN),
        ("SERVER: Received message larger than max (90 vs. 50)", SERVERS),
    ],
)
def test_only_what_is_too_large_is_to_be_made_smaller(details: str, expected: str) -> None:
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    assert advice(code, details, seconds=1.0, max_message_bytes=100) == expected
