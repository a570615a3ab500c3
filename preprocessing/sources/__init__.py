"""Readers of logs and tables, of any Beam file system: batches of checked, typed columns."""
