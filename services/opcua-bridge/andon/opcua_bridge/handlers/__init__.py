"""Reactions of the bridge."""
