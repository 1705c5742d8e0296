"""What the agent does with an attempt, from its lease to its last report."""
