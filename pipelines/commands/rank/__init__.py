"""`srp4ctr rank`: the catalogue ranked for one user."""
