"""What the values of features are, one kind a file; preprocessing/registry.py names them."""
