"""A finished run as metrics.json and one self-contained page."""
