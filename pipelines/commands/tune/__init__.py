"""`srp4ctr tune`: better settings for a run."""
