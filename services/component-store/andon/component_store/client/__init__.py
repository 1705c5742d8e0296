"""The store as a worker uses it: over HTTP, with a folder of its own."""
