"""What a file is by its first bytes, where it isn't what its name or the spec says."""

from __future__ import annotations

_TYPES = {
    b"\x1f\x8b": "is gzip-compressed: give it a name that ends in .gz",
    b"BZh": "is bzip2-compressed: give it a name that ends in .bz2",
    b"\x28\xb5\x2f\xfd": "is zstd-compressed: give it a name that ends in .zst",
    b"\xfd7zXZ\x00": "is xz-compressed: give it a name that ends in .xz",
    b"PK\x03\x04": "is a zip archive: unpack it, or compress it with gzip",
    b"PAR1": "is a Parquet file: say format: parquet",
    b"Obj\x01": "is an Avro file: say format: avro",
    b"ORC": "is an ORC file, which isn't read: write it as Parquet",
    b"\xff\xfe": "is UTF-16 text. Convert it to UTF-8",
    b"\xfe\xff": "is UTF-16 text. Convert it to UTF-8",
}


def odd_type(start: bytes) -> str | None:
    """What a file is, and what to do, where it surely isn't text; otherwise None."""
    return next((what for mark, what in _TYPES.items() if start.startswith(mark)), None)


def json_layout(start: bytes) -> str | None:
    """How JSON without an object per line is laid out, and what to do; None if it is no JSON."""
    text = start.lstrip()
    if text.startswith(b"["):
        return "is one JSON array, not an object a line. Take it apart, such as by `jq -c '.[]'`"
    if text.startswith(b"{"):
        return "is JSON over several lines, not an object a line. Write it so, such as by `jq -c .`"
    return None
