"""The kinds of features (categorical, numeric, ...), one per file.

preprocessing/registry.py has the names by which a spec calls them.
"""
