"""What the inspector needs from pictures and from the object store."""
