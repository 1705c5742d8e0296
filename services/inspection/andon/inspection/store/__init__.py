"""Every query of the inspection service."""
