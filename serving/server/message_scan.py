"""Counts what is in a serialised message before it becomes objects.

As an object even an empty value takes a hundred bytes.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import numpy as np
from google.protobuf.descriptor import Descriptor

from serving.server.errors import invalid_argument

_FREE_BYTES = 2**16  # messages of so few bytes are taken for full of the smallest values
_SMALLEST = 2  # bytes of a value: its tag, and a length of 0
_TINY = 3  # bytes of a message that has at most one field: a dimension of most shapes
_MOST_NESTED = 100  # messages within each other, as protobuf has it

# Wire types: how many bytes a field's value has. Groups, which 3 and 4 begin and end, aren't used.
_VARINT = 0
_EIGHT = 1
_BYTES = 2
_FOUR = 5


def count_values(message: bytes, message_class: Any, most: int) -> int:
    """The fields and repeated values in a message and in the messages within it.

    For a short message it is an estimate, by its bytes.

    Args:
        message: The serialised message. What is no message gets any count: parsing it will fail.
        message_class: Its class.
        most: Where to stop.

    Raises:
        RequestError: INVALID_ARGUMENT: there are more than `most`, or messages are nested too
            deeply.
    """
    if len(message) <= min(_FREE_BYTES, most * _SMALLEST):
        return len(message) // _SMALLEST
    return scan_values(message, message_class, most)


def scan_values(message: bytes, message_class: Any, most: int, before: int = 0) -> int:
    """As `count_values`, without the estimate.

    Args:
        message: The serialised message.
        message_class: Its class.
        most: Where to stop.
        before: Values of other messages, which count, too.

    Returns:
        All of them.
    """
    scan = _Scan(message, most, before)
    with contextlib.suppress(IndexError):  # it is cut
        scan.run(0, len(message), message_class.DESCRIPTOR, 0)
    return scan.found


class _Scan:
    """Goes through a message's bytes, without making objects of them.

    Attributes:
        found: Values and fields so far.
    """

    def __init__(self, message: bytes, most: int, before: int) -> None:
        self._message = message
        self._most = most
        self.found = before

    def run(self, position: int, end: int, descriptor: Descriptor, depth: int) -> None:
        if depth > _MOST_NESTED:
            raise invalid_argument(
                f"A message has at most {_MOST_NESTED} messages within each other."
            )
        packed, nested = _repeated(descriptor)
        end = min(end, len(self._message))
        while position < end:
            tag, position = self._varint(position)
            self._add(1)
            kind = tag & 7
            number = tag >> 3
            if kind == _VARINT:
                _, position = self._varint(position)
            elif kind == _BYTES:
                size, position = self._varint(position)
                if number in nested and size < _TINY:
                    self._add(size // _SMALLEST)
                elif number in nested:
                    self.run(position, position + size, nested[number], depth + 1)
                elif number in packed:
                    self._add(self._packed_values(position, size, packed[number]))
                position += size
                if tag < 128 and number not in nested and number not in packed:
                    position = self._skip_short(position, end, tag)
            elif kind in (_EIGHT, _FOUR):
                position += 8 if kind == _EIGHT else 4

    def _skip_short(self, position: int, end: int, tag: int) -> int:
        """Passes over short strings that follow with the same tag.

        Most messages consist of these. Returns the position after them.
        """
        message = self._message
        count = 0
        most = self._most - self.found + 1
        while (
            position < end
            and message[position] == tag
            and message[position + 1] < 128
            and count < most
        ):
            position += 2 + message[position + 1]
            count += 1
        self._add(count)
        return position

    def _add(self, count: int) -> None:
        self.found += count
        if self.found > self._most:
            raise invalid_argument(
                f"A request has at most {self._most} values and fields (max_values). This one has "
                "more. Send several requests."
            )

    def _packed_values(self, position: int, size: int, width: int) -> int:
        if width:
            return size // width
        content = np.frombuffer(self._message, np.uint8)[position : position + size]
        return int(np.count_nonzero(content < 128))  # the last byte of each

    def _varint(self, position: int) -> tuple[int, int]:
        """A number of 7 bits per byte, and where it ends.

        One of too many bytes is cut: no parser accepts it anyway.
        """
        value = 0
        shift = 0
        while True:
            byte = self._message[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128 or shift > 63:
                return value, position


@functools.lru_cache(maxsize=100)
def _repeated(descriptor: Descriptor) -> tuple[dict[int, int], dict[int, Descriptor]]:
    """What a message's fields are.

    Returns:
        Of numbers, which may be packed: field number -> bytes per value, 0 for one to ten bytes. Of
        messages: field number -> descriptor.
    """
    packed = {}
    nested = {}
    for field in descriptor.fields:
        if field.message_type is not None:
            nested[field.number] = field.message_type
        elif field.type not in (field.TYPE_STRING, field.TYPE_BYTES):
            packed[field.number] = _WIDTHS.get(field.type, 0)
    return packed, nested


# By protobuf's numbers of types: double, fixed64 and sfixed64; float, fixed32 and sfixed32.
_WIDTHS = {1: 8, 6: 8, 16: 8, 2: 4, 7: 4, 15: 4}
