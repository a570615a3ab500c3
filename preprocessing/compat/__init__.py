"""The private APIs of Beam that reading files needs, in one place.

A new version may move or change any of them. tests/preprocessing/test_compat.py tries each, and
names the module here that has to follow.
"""
