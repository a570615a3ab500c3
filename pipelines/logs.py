"""Keeps what TFX, Beam and TensorFlow log off the terminal and in a file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import explain


@contextmanager
def logs_to(path: Path) -> Iterator[None]:
    """Sends everything logged in this process to a file instead of the terminal."""
    loggers = [logging.getLogger(name) for name in ("", "absl", "tensorflow")]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    # absl and TensorFlow have handlers of their own, which write to the terminal.
    for logger in loggers:
        logger.handlers[:] = []
        logger.propagate = True
    loggers[0].addHandler(handler)
    loggers[0].setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        handler.close()
        for logger, handlers, level, propagate in before:
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.propagate = propagate


@contextmanager
def errors_told_once() -> Iterator[None]:
    """Keeps Beam from logging, with a traceback, errors that a command tells in a line.

    Beam logs whatever its functions raise, and then it arrives here, too.
    """
    logger = logging.getLogger("apache_beam.runners.common")
    logger.addFilter(_is_a_defect)
    try:
        yield
    finally:
        logger.removeFilter(_is_a_defect)


def _is_a_defect(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else sys.exc_info()[1]
    return error is None or explain(error)[0] is None
