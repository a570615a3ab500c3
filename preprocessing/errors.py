"""The errors for data that can't be used, or can't be fetched."""

import re

_STEP = re.compile(r" \[while running '[^\n]*'\]$")


class DataError(ValueError):
    """A log or table can't be used.

    The message names the file and the column or row, says what was found, and what would do.
    """


class BrokenFileError(DataError):
    """A file can't be opened, or breaks off; what comes before the break can be used.

    Attributes:
        row: The first row that can't be read.
        bytes_read: How much of the file, as it is stored, was read.
    """

    def __init__(self, message: str, row: int = 1, bytes_read: int = 0) -> None:
        super().__init__(message)
        self.row = row
        self.bytes_read = bytes_read


class DataFetchError(RuntimeError):
    """A data set is unknown, can't be downloaded or written, or is not what it should be."""


def without_step(message: str) -> str:
    """A message without what Beam puts behind it: the name of the job's step that raised it."""
    return _STEP.sub("", message)
