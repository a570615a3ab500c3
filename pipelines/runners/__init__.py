"""Runners: each takes a run's configuration and carries the same pipeline out somewhere."""
