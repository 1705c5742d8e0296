"""What accounts, sessions, keys, guesses and the audit chain are, and the rules they follow."""
