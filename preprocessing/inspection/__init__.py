"""A look at a log without a spec: what its columns hold, their likely roles, and a first spec."""
