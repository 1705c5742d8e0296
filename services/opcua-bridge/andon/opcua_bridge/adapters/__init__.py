"""The OPC UA server, its certificate, its users, and what its stack gets wrong."""
