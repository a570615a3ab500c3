"""The base of the errors that a user of this package can mend."""


class ServingError(RuntimeError):
    """A server can't start, or a request can't be answered.

    The message says what was found and what would do.
    """
