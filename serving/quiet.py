"""Keeps the notices that libraries print at every start off the terminal."""

from __future__ import annotations

import atexit
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# What TensorFlow's C++ code writes to standard error while it is imported, at whatever level of
# TF_CPP_MIN_LOG_LEVEL, as extended regular expressions. All else, such as why this processor won't
# do, passes.
START_UP_LINES = (
    "^WARNING: All log messages before absl::InitializeLog",
    r"^I[0-9]{4} .*\] oneDNN custom operations are on",
    r"^I[0-9]{4} .*\] This TensorFlow binary is optimized",
    "^To enable the following instructions:",
    r"^[EW][0-9]{4} .*\] Unable to register cu[A-Za-z]+ factory",
    r"^[EW][0-9]{4} .*\] computation placer already registered",
)


def quiet_libraries() -> None:
    """Call it before TensorFlow is imported."""
    atexit.register(_end_quietly)
    logging.getLogger("apache_beam.io.filebasedsink").addFilter(_is_no_empty_file)
    logging.getLogger("apache_beam.utils.retry").addFilter(_is_no_look_for_credentials)
    logging.getLogger("apache_beam.internal.gcp.auth").addFilter(_says_once_that_none_are_there)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reports absent GPUs as errors
    # That Python 3.10 is near or past its end, once for each of Google's packages.
    warnings.filterwarnings(
        "ignore", message="You are using a.* Python version", category=FutureWarning
    )
    is_called_twice = any(isinstance(finder, _Finder) for finder in sys.meta_path)
    if "tensorflow" not in sys.modules and not is_called_twice:
        sys.meta_path.insert(0, _Finder())


def _is_no_empty_file(record: logging.LogRecord) -> bool:
    """Beam warns where it has nothing to write; of rejected rows that is as it should be."""
    return not str(record.msg).startswith("No shards found to finalize")


def _is_no_look_for_credentials(record: logging.LogRecord) -> bool:
    """Beam looks several times for Google's credentials, each time with a traceback."""
    return "_get_credentials_with_retrys" not in record.getMessage()


def _says_once_that_none_are_there(record: logging.LogRecord) -> bool:
    """In a line, after all looks for credentials. An emulator of the store asks for none."""
    if not str(record.msg).startswith("Unable to find default credentials"):
        return True
    record.msg = (
        "gs:// is asked without credentials, for there are none: `gcloud auth application-default "
        "login`, or GOOGLE_APPLICATION_CREDENTIALS, gives some."
    )
    record.args = None
    return not os.environ.get("STORAGE_EMULATOR_HOST")


def _end_quietly() -> None:
    """TensorFlow's functions complain when the interpreter takes them down."""
    sys.unraisablehook = lambda _: None


@contextmanager
def start_up_lines_dropped() -> Iterator[None]:
    """Leaves START_UP_LINES out of what is written to file descriptor 2, by whatever code.

    It all goes through grep, a process of its own: a crash in the body loses no line. Where there
    is no grep, all lines pass.
    """
    if shutil.which("grep") is None:
        yield
        return
    sys.stderr.flush()
    expressions: list[str] = []
    for line in START_UP_LINES:
        expressions += ["-e", line]
    terminal = os.dup(2)
    with subprocess.Popen(
        ["grep", "-vE", *expressions], stdin=subprocess.PIPE, stdout=terminal
    ) as grep:
        assert grep.stdin is not None
        os.dup2(grep.stdin.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)


class _Finder(MetaPathFinder):
    """Finds TensorFlow where it is, and has it imported with start_up_lines_dropped()."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_quietly(module: ModuleType) -> None:
            with start_up_lines_dropped():
                execute(module)

        spec.loader.exec_module = execute_quietly  # type: ignore[method-assign]
        return spec
