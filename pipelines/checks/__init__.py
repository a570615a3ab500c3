"""Whether a run's data looks as it should.

It is compared with its schema, with the previous run's, and with what is asked when serving.
"""
