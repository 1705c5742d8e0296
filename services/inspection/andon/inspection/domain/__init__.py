"""Decisions about a part, as pure functions."""
