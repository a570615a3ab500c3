"""The encoder and the rankers. Every ranker is two functions: see trainer/models/ranker.py."""
