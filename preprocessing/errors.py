"""The errors for data that can't be used, or had."""


class DataError(ValueError):
    """A log or table can't be used. The message names the file, the column or row, what was found, what would do."""


class DataFetchError(RuntimeError):
    """A data set is unknown, can't be downloaded or written, or is not what it should be."""
