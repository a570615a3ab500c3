"""Statistics as of a time: events, positives and rates by key, as of each request."""
