"""What may become of a job and when, who gets it, and what is counted: no input, no output."""
