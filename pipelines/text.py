"""How values are written. A missing value is None and is written as a dash."""

from __future__ import annotations

import datetime
import math
from typing import Any

MISSING = "–"
_MINUS = "\N{MINUS SIGN}"


def finite(value: Any) -> Any:
    """`value` with None for every NaN and infinity in it, at any depth: JSON has neither."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    return value


def decimal(value: float | None, digits: int = 4) -> str:
    """0.7715."""
    return MISSING if value is None else f"{value:.{digits}f}".replace("-", _MINUS)


def signed(value: float | None, digits: int = 4) -> str:
    """+0.0114; what rounds to nothing has no sign."""
    if value is None:
        return MISSING
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}".replace("-", _MINUS) if rounded else f"{0:.{digits}f}"


def interval(low: float | None, high: float | None) -> str:
    """An interval in points: +0.68 to +2.40."""
    return f"{signed(low, 2)} to {signed(high, 2)}"


def points(difference: float | None) -> str:
    """A difference of AUCs in points, hundredths: +1.14."""
    return signed(None if difference is None else 100 * difference, 2)


def count(value: float | None) -> str:
    """80,022."""
    return MISSING if value is None else f"{value:,.0f}"


def percent(share: float | None) -> str:
    """55.1 %; two digits below one per cent."""
    if share is None:
        return MISSING
    return f"{100 * share:.{2 if 0 < abs(share) < 0.01 else 1}f} %".replace("-", _MINUS)


def duration(seconds: float | None) -> str:
    """4.1 min, 12 s, 0.4 s."""
    if seconds is None:
        return MISSING
    if seconds >= 7200:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 100:
        return f"{seconds / 60:.1f} min"
    return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"


def size(octets: float) -> str:
    """106.3 MB, 45.6 kB."""
    return f"{octets / 1e6:,.1f} MB" if octets >= 1e6 else f"{octets / 1e3:.1f} kB"


def moment(iso: str) -> datetime.datetime:
    """A time as the data report writes it."""
    return datetime.datetime.fromisoformat(iso)


def day(iso: str) -> str:
    """7 Mar 1998."""
    when = moment(iso)
    return f"{when.day} {when:%b %Y}"


def difference(value: float | None, other: float | None) -> float | None:
    """`value - other`, where both are known."""
    return None if value is None or other is None else value - other


def ratio(value: float | None, other: float | None) -> float | None:
    """`value / other`, where both are known and `other` isn't 0."""
    return None if value is None or not other else value / other
