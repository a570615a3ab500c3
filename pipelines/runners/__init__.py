"""Runners: each carries out the pipeline of a run's configuration, here or on a cluster."""
