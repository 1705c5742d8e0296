"""The object store and the arithmetic of bytes."""
