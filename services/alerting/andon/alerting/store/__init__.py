"""What alerting keeps, each kind in a collection of its own."""
