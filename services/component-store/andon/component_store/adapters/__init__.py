"""Bytes in the object store, files in a folder, and the store as workers see it."""
