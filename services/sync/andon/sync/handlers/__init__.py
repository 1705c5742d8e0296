"""What sync answers, and what it does by itself."""
