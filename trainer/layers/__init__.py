"""Keras layers, one public class a file. Shapes: B requests, N candidates, L history, D width, Q query tokens."""
