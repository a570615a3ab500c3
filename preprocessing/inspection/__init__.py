"""A look at a log that has no spec yet: what its columns hold, which role each may have, a first spec."""
