"""Versions on the line: deployed, tried, watched, rolled back, traced."""
