"""`srp4ctr rollback`: the version before is served again."""
