"""Data sets that need more than a declaration to become a behaviour log."""
