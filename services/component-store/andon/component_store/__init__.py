"""Keeps components by their content, and knows which version of each path is used."""
