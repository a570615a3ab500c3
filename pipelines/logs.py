"""Keeps what TFX, Beam and TensorFlow log off the terminal and in a file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
