"""Open-loop load on a model server: requests leave when they are due, answered or not."""
