"""What SCADA sees: OPC UA nodes, MQTT topics and Modbus registers per station."""
