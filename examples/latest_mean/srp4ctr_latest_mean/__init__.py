"""Additions to srp4ctr.

The ranker `latest_mean`, the kind of feature `first_letters` and the metric `accuracy`.
"""
