"""When a statistics table was counted, and of how many events: a line of the table says it."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterable

from preprocessing.statistics.names import ABOUT
from preprocessing.statistics.text import decoded, table_line

_KEY = (ABOUT, "", "")
_BEGIN = table_line(_KEY, b"")


@dataclasses.dataclass(frozen=True)
class AsOf:
    """Of when a table is.

    Attributes:
        time: Seconds since 1970: a request at this time sees what the table has, and events at or
            after it don't count.
        events: How many usable events the log had before it.
    """

    time: int
    events: int

    def __str__(self) -> str:
        moment = datetime.datetime.fromtimestamp(self.time, datetime.timezone.utc)
        return f"{moment.isoformat()} ({self.events:,} events)"

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps({"as_of": self.time, "events": self.events})

    @classmethod
    def from_json(cls, text: str | bytes) -> AsOf | None:
        """Reads what `to_json` wrote; None where it doesn't say."""
        found = json.loads(text)
        return cls(found["as_of"], found["events"]) if found else None

    def line(self) -> bytes:
        """The line that says it in a table."""
        return table_line(_KEY, self.to_json().encode())

    @classmethod
    def of_lines(cls, lines: Iterable[bytes]) -> AsOf | None:
        """What a table says; None of one that earlier releases have made.

        Args:
            lines: The table's, with or without their ends.
        """
        for candidate in lines:
            if candidate.startswith(_BEGIN):
                return cls.from_json(decoded(candidate[len(_BEGIN) :].rstrip()))
        return None
