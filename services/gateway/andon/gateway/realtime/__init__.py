"""What happens, told to browsers while it happens."""
