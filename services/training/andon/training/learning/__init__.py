"""Training runs: from labelled parts to a version with its evidence."""
