"""A trained ranker as a SavedModel for serving: its signatures, its user states as bytes, its assets."""
