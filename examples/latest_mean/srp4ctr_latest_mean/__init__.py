"""Additions to srp4ctr: the ranker `latest_mean`, the kind of feature `first_letters`, the metric `accuracy`."""
