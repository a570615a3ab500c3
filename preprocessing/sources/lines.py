"""The lines of a block, and of the blocks after it for as long as a row goes on."""

from __future__ import annotations

from collections.abc import Iterator

from preprocessing.sources.blocks import BlockReader


class Lines(Iterator[bytes]):
    """Hands out lines, and takes back those that were not used."""

    def __init__(self, block: bytes, more: BlockReader | None = None) -> None:
        """Starts with the lines of `block`; then come those of `more`.

        Where `more` breaks off, its error is raised.
        """
        self._lines = block.splitlines(keepends=True)
        self._own = len(self._lines)
        self._next = 0
        self._more = more
        self._row: list[bytes] = []

    def __next__(self) -> bytes:
        if self._next == len(self._lines):
            self._pull()
        line = self._lines[self._next]
        self._next += 1
        self._row.append(line)
        return line

    @property
    def used_up(self) -> bool:
        """Whether the block's own lines have all been handed out."""
        return self._next >= self._own

    def row(self) -> list[bytes]:
        """The lines that were handed out since this was last called."""
        row = self._row
        self._row = []
        return row

    def give_back(self, lines: list[bytes]) -> None:
        """Puts lines before what comes next."""
        self._own += len(lines) - min(self._next, self._own)
        self._lines = lines + self._lines[self._next :]
        self._next = 0

    def rest(self) -> bytes:
        """What has not been handed out, as one."""
        return b"".join(self._lines[self._next :])

    def _pull(self) -> None:
        block = self._more.take() if self._more else b""
        if block:
            self._lines = block.splitlines(keepends=True)
            self._own = 0
            self._next = 0
            return
        if self._more and self._more.error:
            raise self._more.error
        raise StopIteration
