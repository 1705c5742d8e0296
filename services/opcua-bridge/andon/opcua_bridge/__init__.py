"""What SCADA sees: OPC UA nodes per station."""
