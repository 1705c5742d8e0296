"""Every query of auth."""
