"""Which errors are told without a traceback."""

from __future__ import annotations

import apache_beam as beam
import pytest

from pipelines.errors import explain
from preprocessing.config import ConfigError
from preprocessing.errors import BrokenFileError, DataError


def _raised(error: Exception, cause: Exception | None, during: Exception) -> Exception:
    """The error as it is after `raise error from cause` in a handler of another one."""
    try:
        try:
            raise during
        except type(during):
            raise error from cause
    except type(error) as caught:
        return caught


def test_what_an_error_was_raised_from_is_told() -> None:
    wrapped = _raised(RuntimeError("wrapped"), DataError("no such column"), KeyError())
    assert explain(wrapped) == ("no such column", 1)


def test_a_defect_in_the_handler_of_another_error_is_not_taken_for_it() -> None:
    """`from None` says that the two have nothing to do with each other."""
    missing = ModuleNotFoundError("no orjson", name="orjson")
    assert explain(_raised(RuntimeError("a defect"), None, missing)) == (None, 1)


@pytest.mark.parametrize(
    "error", [DataError("two lines:\nend - last"), ConfigError("key"), BrokenFileError("file", 3)]
)
def test_the_step_of_a_job_that_raised_an_error_is_not_told(error: Exception) -> None:
    def fail(_: int) -> None:
        raise error

    with (
        pytest.raises(Exception, match="while running 'End'") as raised,
        beam.Pipeline("FnApiRunner", argv=[]) as pipeline,
    ):
        _ = pipeline | beam.Create([1]) | "End" >> beam.Map(fail)
    message, _ = explain(raised.value)
    assert message == str(error)


@pytest.mark.parametrize(("error", "code"), [(ConfigError("key"), 2), (DataError("row"), 1)])
def test_errors_of_the_configuration_have_a_code_of_their_own(error: Exception, code: int) -> None:
    assert explain(error) == (str(error), code)
