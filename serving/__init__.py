"""Scoring over gRPC: the signature contract, the client, and a local model server."""
