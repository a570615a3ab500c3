"""What one stop of the tour prints."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rich.table import Table


@dataclasses.dataclass(frozen=True)
class Step:
    """A stop.

    Attributes:
        title: What is looked at.
        says: What is seen, in a sentence or two.
        tables: The numbers.
    """

    title: str
    says: str
    tables: Sequence[Table] = ()
