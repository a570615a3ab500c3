"""The parts of the statistics table's keys; see preprocessing/statistics/table.py."""

from __future__ import annotations

SEPARATOR = "\x1f"  # between the parts of a key; no text that people write has it
OF = "of"
ITEM = "item"
ABOUT = "about"  # the table itself
