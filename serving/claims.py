"""A version's number in a store is one run's: stores have no locks, so runs put claims there.

A claim is an empty file of the run's own name in the version's folder. A run puts its claim there
first, then lists the folder, and writes to it only if it finds no other's claim. So of two runs
with one number at most one writes, where a store lists all that was written before, as gs:// and
s3:// do: whichever claim came later, its run's list has the earlier one. Nobody can tell the claim
of a run at work from that of a killed one, so none is ever taken over: the number is left to it.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
import uuid
from collections.abc import Collection, Iterator

from preprocessing.stored_folders import StorageError, delete, list_folder, put_empty
from serving.version_dirs import SAVED_MODEL_FILE, next_number, taken

# Unfinished files' form: neither servers nor copies take a claim for a part of the version.
_CLAIM = re.compile(r"\.srp4ctr_claim-[0-9a-f]{32}\.part")
_LOOKS = 5
_SECONDS_BETWEEN = 1.0


@contextlib.contextmanager
def claimed_number(target: str, number: int, there: Collection[int]) -> Iterator[int]:
    """Keeps other runs from a version's number, and removes what is left of it after an error.

    Args:
        target: The model's base path in a store.
        number: The version's, if no other run has claimed it.
        there: The versions there.

    Yields:
        The number, or a later one. But for the claim, its folder is empty.

    Raises:
        ServingError: The number's version has come meanwhile, or there is no later number.
        StorageError: The store can't be read or written.
    """
    claim = _claim(target, number)
    while claim is None:
        later = next_number(target, {*there, number})
        print(
            f"{target}/{number}: another run is at work there, or a killed one has left its files. "
            f"Takes version {later} instead.",
            file=sys.stderr,
        )
        number = later
        claim = _claim(target, number)
    folder = f"{target}/{number}"
    try:
        if SAVED_MODEL_FILE in list_folder(folder):  # of a run that has ended before the claim
            raise taken(folder)
        _clear(folder)
        yield number
    except BaseException:
        with contextlib.suppress(StorageError):  # what led here says more
            _clear(folder)
        raise
    finally:
        _take_back(folder, claim)


def _claim(target: str, number: int) -> str | None:
    """Puts a claim into a version's folder; None, and it is taken back, if others have one.

    Of several that come at once, that with the first name waits until the others have gone.
    """
    folder = f"{target}/{number}"
    claim = f".srp4ctr_claim-{uuid.uuid4().hex}.part"
    is_alone = False
    put_empty(folder, claim)
    try:
        for _ in range(_LOOKS):
            claims = sorted(filter(_CLAIM.fullmatch, list_folder(folder)))
            if claim not in claims:
                raise StorageError(
                    f"{folder}: {claim} was put there and isn't listed. Either another run has "
                    "removed it, and this one may run again, or the store doesn't list what was "
                    "written before: then only one run at a time may put versions there."
                )
            is_alone = len(claims) == 1
            if is_alone or claims[0] != claim:
                break
            time.sleep(_SECONDS_BETWEEN)
    finally:
        if not is_alone:
            _take_back(folder, claim)
    return claim if is_alone else None


def _take_back(folder: str, claim: str) -> None:
    with contextlib.suppress(StorageError):  # one that stays keeps nobody from later numbers
        delete(folder, [claim])


def _clear(folder: str) -> None:
    """Deletes what a broken copy left. A version stays, and so do the claims of those who ask."""
    names = list_folder(folder)
    if SAVED_MODEL_FILE not in names:
        delete(folder, [name for name in names if not _CLAIM.fullmatch(name)])
