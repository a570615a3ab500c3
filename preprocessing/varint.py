"""Lengths as protobuf writes them."""

from __future__ import annotations

MORE = 0x80  # in a byte of a length: another follows


def varint(count: int) -> bytes:
    """Seven bits a byte, the lowest first, a mark on all but the last."""
    written = bytearray()
    while count >= MORE:
        written.append(count % MORE | MORE)
        count //= MORE
    written.append(count)
    return bytes(written)
