"""Reactions of the component store."""
