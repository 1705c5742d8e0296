"""What the queue keeps in its database."""
