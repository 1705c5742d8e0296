"""Files that arrive whole, while they grow and after."""
