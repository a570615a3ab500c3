"""Statistics as of a time: events, positives and rates by key, as they stood when a request was made."""
