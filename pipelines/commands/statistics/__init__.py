"""`srp4ctr statistics`: a newer statistics table for the model that is served."""
