"""The private APIs of TFX and Beam that pipelines need, in one place.

A new version may move or change any of them. tests/pipelines/test_compat.py tries each, and names
the module here that has to follow.
"""
