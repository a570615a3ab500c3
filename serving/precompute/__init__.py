"""Encodes users before they ask.

Beam jobs, batch and streaming, from behaviour logs to the client's state cache.
"""
