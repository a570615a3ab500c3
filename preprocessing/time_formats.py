"""How times are written: a `strptime` format as a pattern whose groups are the parts of a time."""

from __future__ import annotations

import calendar
import functools
import re

_DATE = r"^\s*(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"
_CLOCK = r"[T ](?P<H>\d\d):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,]\d+)?)?\s?"
_ZONE = r"(?:Z|z|(?P<zone_h>[+-]\d\d)(?::?(?P<zone_m>\d\d))?)"
ISO = rf"{_DATE}(?:{_CLOCK}{_ZONE}?)?\s*$"
ISO_WITH_ZONE = rf"{_DATE}{_CLOCK}{_ZONE}\s*$"
ISO_WITHOUT_ZONE = rf"{_DATE}(?:{_CLOCK})?\s*$"
_NAMES = {"b": "|".join(calendar.month_abbr[1:]), "B": "|".join(calendar.month_name[1:])}
_DAYS = {"a": "|".join(calendar.day_abbr), "A": "|".join(calendar.day_name)}
# What each directive reads; a group is named for the part of the time that it is.
_DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d\d)",
    "m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "e": r"(?P<d>\d{1,2})",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})",
    "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})",
    "f": r"\d{1,9}",
    "p": r"(?P<p>[AaPp])\.?[Mm]\.?",
    "b": rf"(?P<b>{_NAMES['b']})",
    "h": rf"(?P<b>{_NAMES['b']})",
    "B": rf"(?P<b>{_NAMES['B']})",
    "a": f"(?:{_DAYS['a']})",
    "A": f"(?:{_DAYS['A']})",
    "z": r"(?:Z|(?P<zone_h>[+-]\d\d):?(?P<zone_m>\d\d))",
    "Z": r"(?:UTC|GMT|Z)",
    "%": "%",
}
_SHORT = {"T": "%H:%M:%S", "R": "%H:%M", "F": "%Y-%m-%d", "D": "%m/%d/%y"}
_NEEDED = ({"Y", "y"}, {"m", "b"}, {"d"})  # one of each, or it is no date


def known_time_format(time_format: str) -> str:
    """`time_format`, if times can be read by it.

    Raises:
        ValueError: it has a directive that isn't known, or no date.
    """
    try:
        groups = set(re.compile(pattern_of(time_format)).groupindex)
    except re.error:
        raise ValueError("a part of the time is there twice") from None
    if not all(groups & parts for parts in _NEEDED):
        raise ValueError("a time needs a year, a month and a day, such as %Y-%m-%d")
    if ("I" in groups) != ("p" in groups):
        raise ValueError("%I, an hour of 1 to 12, goes with %p; an hour of 0 to 23 is %H")
    return time_format


@functools.cache
def pattern_of(time_format: str) -> str:
    """The regular expression of a format; its groups have the names of its directives."""
    for short, long in _SHORT.items():
        time_format = time_format.replace(f"%{short}", long)
    pieces = re.split(r"(%.|\s+)", time_format.strip())
    return r"(?i)^\s*" + "".join(map(_piece, pieces)) + r"\s*$"


def _piece(piece: str) -> str:
    if piece.startswith("%") and len(piece) == 2:
        if piece[1] not in _DIRECTIVES:
            known = " ".join(f"%{name}" for name in sorted({*_DIRECTIVES, *_SHORT}))
            raise ValueError(f"{piece} is not known. Known: {known}")
        return _DIRECTIVES[piece[1]]
    return r"\s+" if piece.isspace() else re.escape(piece)
