"""What every side of the comparison is built with.

Nothing is imported here: the rivals' environments read it too.
"""

BATCH = 256  # candidates a step
EMBEDDING = 16  # width of each feature's embedding
ATTENTION = (80, 40)  # hidden units of DIN's attention unit, with sigmoids
HIDDEN = (128, 64, 32)  # ReLU layers of the network on top
HEADS = 2  # of BST's one Transformer layer
FEEDFORWARD = 128
LEARNING_RATE = 1e-3  # Adam's
CLIP_NORM = 10.0
