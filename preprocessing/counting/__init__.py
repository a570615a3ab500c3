"""The Beam transforms that count statistics over a whole log, and what shards send each other for it."""
