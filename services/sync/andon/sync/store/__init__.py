"""What sync keeps in its database."""
