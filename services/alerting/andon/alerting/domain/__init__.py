"""When something is bad, and what becomes of the alert about it: decisions without a clock or a store."""
