"""What people are asked about, and what they say."""
