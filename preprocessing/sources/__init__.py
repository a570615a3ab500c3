"""Readers of logs and tables: files of any Beam file system to batches of checked, typed columns."""
