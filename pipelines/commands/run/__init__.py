"""`srp4ctr run`: the pipeline of a configuration, from logs to a pushed model and a report."""
