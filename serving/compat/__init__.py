"""The private APIs of TensorFlow that the model server needs, in one place.

A new version may move or change any of them. tests/serving/test_compat.py tries each, and names the
module here that has to follow.
"""
