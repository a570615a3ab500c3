"""A walk through a trained model in the terminal: what it reads, fills in, attends to and ranks."""
