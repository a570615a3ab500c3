"""What a training step is made of, and how fast a GPU takes it."""
