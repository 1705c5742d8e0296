"""What training reaches besides its database: the object store and the fitting process."""
