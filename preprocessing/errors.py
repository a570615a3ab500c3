"""The error for data that can't be used."""


class DataError(ValueError):
    """A log or table can't be used. The message names the file, the column or row, what was found, what would do."""
