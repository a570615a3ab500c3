"""How the statistics table and `user_statistics` write keys and values: in base64, as TensorFlow.

Needs nothing but the standard library, because servers read the table, too.
"""

from __future__ import annotations

import base64

from preprocessing.statistics.names import SEPARATOR


def table_line(key: tuple[str, ...], value: bytes) -> bytes:
    """One line of the table, without its end."""
    return encoded(SEPARATOR.join(key).encode()) + b"\t" + encoded(value)


def encoded(content: bytes) -> bytes:
    """In the base64 of URLs, without padding, as tf.io.encode_base64 has it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def decoded(text: bytes) -> bytes:
    """What `encoded` made a text of.

    Raises:
        ValueError: it isn't such a text.
    """
    if b"+" in text or b"/" in text:
        raise ValueError("the base64 of URLs has - and _ where others have + and /")
    padded = text + b"=" * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)
