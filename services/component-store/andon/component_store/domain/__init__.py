"""Decisions about components, without any server."""
