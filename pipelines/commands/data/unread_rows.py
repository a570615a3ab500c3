"""What `srp4ctr data inspect` says of rows that it can't read: the causes, and what would do."""

from __future__ import annotations

from preprocessing.inspection.log import LogProfile
from preprocessing.sources.delimited_files import DelimitedFiles
from preprocessing.sources.raw import separator_hint
from preprocessing.spec_tables import Table

_SHOWN_NAMES = 8


def unread_rows(found: LogProfile, table: Table) -> list[str]:
    """A line for each cause: how many rows, the first of them, and what to do."""
    lines: list[str] = []
    for reason, count in found.rejected.most_common():
        first = found.examples[reason]
        rows = "row" if count == 1 else "rows"
        lines.append(
            f"{count:,} {rows} can't be read ({reason}), the first in {first.file}, row "
            f"{first.row}: {first.message}.{_what_would_do(reason, found, table)}"
        )
    return lines


def _what_would_do(reason: str, found: LogProfile, table: Table) -> str:
    source = table.source
    if not isinstance(source, DelimitedFiles):
        return ""
    if reason == "undecodable" and source.encoding == "utf-8":
        return " If it is Latin-1 text, give --encoding latin-1."
    if reason != "field_count":
        return ""
    if source.names is not None:
        return f" --columns has {len(source.names)} names: give one for each field."
    hint = separator_hint(found.names)
    if hint:
        return f"{hint} Give --delimiter or --format."
    names = ", ".join(found.names[:_SHOWN_NAMES])
    return (
        f" The first line is taken for the header: {names}. If it is none, take it out of the "
        f"file; if it is, it needs a name for each field, and --delimiter what is between them."
    )
