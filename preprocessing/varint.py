"""Numbers as protobuf writes them, such as lengths."""

from __future__ import annotations

MORE = 0x80  # in a byte of a length: another follows


def varint(count: int) -> bytes:
    """Seven bits per byte, the lowest first, with a mark on all bytes but the last."""
    written = bytearray()
    while count >= MORE:
        written.append(count % MORE | MORE)
        count //= MORE
    written.append(count)
    return bytes(written)
