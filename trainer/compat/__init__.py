"""The private APIs of TensorFlow and Keras that training needs, in one place.

A new version may move or change any of them. tests/trainer/test_compat.py tries each, and names the
module here that has to follow.
"""
