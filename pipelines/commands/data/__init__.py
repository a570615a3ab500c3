"""`srp4ctr data`: fetch public data sets, look at a log, check a spec against its log."""
