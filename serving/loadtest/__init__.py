"""Open-loop load on a model server: requests leave when they are due, whether or not earlier ones have come back."""
