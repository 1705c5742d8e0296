"""What the inspection service does when it hears something or is asked."""
