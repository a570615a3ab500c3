"""Scoring over gRPC: the signature contract, the client, and a local model server."""

__version__ = "0.1.0"  # of the whole distribution
