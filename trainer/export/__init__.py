"""A trained ranker as a SavedModel for serving: signatures, user states as bytes, assets."""
