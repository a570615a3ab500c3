"""`srp4ctr loadtest`: load on a model server that is running."""
