"""Keras layers, one public class per file.

Shapes in their docstrings: B requests, N candidates, L positions of the history, D the width of a
vector, H attention heads or hidden units, T tasks, E experts, Q query tokens.
"""
