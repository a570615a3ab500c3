"""Which errors are the user's to mend, and how they are told."""

from __future__ import annotations

from collections.abc import Iterator

from preprocessing.config import ConfigError
from preprocessing.endpoints import EndpointError
from preprocessing.errors import DataError, DataFetchError, without_step
from preprocessing.stored_folders import StorageError
from serving.errors import ServingError

# Packages that only one of srp4ctr's extras has.
_EXTRAS = {"kfp": "kubeflow", "lightgbm": "counts", "boto3": "aws"}
_NEEDS_EXTRA = (
    "this needs the Python package {}, which isn't installed here: pip install 'srp4ctr[{}]'."
)
_NOT_INSTALLED = (
    "this needs the Python package {}, which isn't installed here. srp4ctr's extra [serving] has "
    "what `serve` and `loadtest` need, [tfx] has it all: pip install 'srp4ctr[tfx]', or "
    "`make setup` in a checkout."
)


class RunError(RuntimeError):
    """A run can't do what was asked. The message says what would do."""


# Their messages say what was found and what would do.
_TOLD = (DataError, DataFetchError, EndpointError, RunError, ServingError, StorageError)


def explain(error: BaseException) -> tuple[str | None, int]:
    """The message and exit code of an error that a user can mend, looking through what wrapped it.

    The message is without the name of the step of a Beam job that raised the error.

    Returns:
        (None, 1) for an error that is a defect and should show its traceback.
    """
    for cause in _chain(error):
        if isinstance(cause, ModuleNotFoundError) and cause.name:
            return _not_installed(cause.name), 2
        if isinstance(cause, ConfigError):
            return without_step(str(cause)), 2
        if isinstance(cause, _TOLD):
            return without_step(str(cause)), 1
    return None, 1


def _not_installed(module: str) -> str:
    package = module.split(".")[0]
    if package == "google":
        package = module  # which many packages share
    if package in _EXTRAS:
        return _NEEDS_EXTRA.format(package, _EXTRAS[package])
    return _NOT_INSTALLED.format(package)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        hidden = error.__suppress_context__  # by `raise ... from None`
        error = error.__cause__ or (None if hidden else error.__context__)
