"""`srp4ctr experiment`: models by seeds on the same records, with the same tuning for all, and what comes of it."""
