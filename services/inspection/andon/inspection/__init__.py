"""A captured frame becomes a judged part."""
