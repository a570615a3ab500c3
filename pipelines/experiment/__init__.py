"""`srp4ctr experiment`: models by seeds, on the same records and with the same tuning for all."""
