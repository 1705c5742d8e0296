"""Decisions without a machine: what lines mean, what an end means, where things lie."""
