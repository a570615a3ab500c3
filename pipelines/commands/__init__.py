"""The commands of `srp4ctr`.

A folder has a command's options (`command.py`) and, beside them, what it does. A file alone is a
command whose work is a package of its own, such as `pipelines.experiment`.
"""
