"""The Beam transforms that count statistics over a whole log."""
