"""What is decided about models, from arrays and numbers alone."""
