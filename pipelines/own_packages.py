"""Says so where another module hides one of the project's packages, which have everyday names."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("preprocessing", "serving", "trainer")


def shadowed_packages() -> list[str]:
    """A message for each package that another module hides."""
    messages: list[str] = []
    for package in _PACKAGES:
        message = _shadowed(package)
        if message is not None:
            messages.append(message)
    return messages


def _shadowed(package: str) -> str | None:
    spec = importlib.util.find_spec(package)
    if spec is None:
        return None
    # A package without __init__.py has no origin, but a folder.
    places = [spec.origin, *(spec.submodule_search_locations or ())]
    found = next((place for place in places if place), None)
    own = _ROOT / package
    if found is None or Path(found).resolve().is_relative_to(own):
        return None
    return (
        f"{found} hides srp4ctr's own package '{package}', which is in {own}. Rename it, or leave "
        "its folder out of PYTHONPATH."
    )
