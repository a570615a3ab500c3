"""Two finished runs side by side, on one page."""
