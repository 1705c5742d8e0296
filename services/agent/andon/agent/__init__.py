"""The program on worker machines: runs what the queue leases to it."""
