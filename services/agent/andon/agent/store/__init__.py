"""What the agent must still know after it was killed."""
