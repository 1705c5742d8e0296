"""How a version does on parts that nothing of it was learned from."""
