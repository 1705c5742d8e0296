"""What SCADA is shown, decided."""
