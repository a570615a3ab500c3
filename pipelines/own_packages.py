"""The project's packages have everyday names: says so where another module of such a name comes first."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("preprocessing", "serving", "trainer")


def shadowed_packages() -> list[str]:
    """A message for each package that another module hides."""
    return [message for package in _PACKAGES if (message := _shadowed(package))]


def _shadowed(package: str) -> str | None:
    spec = importlib.util.find_spec(package)
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec else []
    found = next((place for place in places if place), None)
    own = _ROOT / package
    if found is None or Path(found).resolve().is_relative_to(own):
        return None
    return (
        f"{found} hides srp4ctr's own package '{package}', which is in {own}. Rename it, or leave its folder out of "
        f"PYTHONPATH."
    )
