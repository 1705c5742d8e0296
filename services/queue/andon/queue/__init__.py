"""Jobs that run for longer than a request, leased to devices and never lost."""
