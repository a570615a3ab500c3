"""Whether a run's data looks as it should: against its schema, the previous run, and what is asked when serving."""
