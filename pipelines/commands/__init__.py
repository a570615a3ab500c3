"""Groups of the `srp4ctr` commands."""
