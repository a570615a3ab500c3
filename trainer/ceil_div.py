"""Division that rounds up."""

from __future__ import annotations

from typing import Any


def ceil_div(number: Any, by: Any) -> Any:
    """How many parts of size `by` a number needs: of integers, arrays or tensors of them."""
    return -(-number // by)
