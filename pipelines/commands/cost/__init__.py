"""`srp4ctr cost`: what rankers cost."""
