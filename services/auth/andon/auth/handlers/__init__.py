"""Answers to sign-ins, to changes of users and keys, and to questions about who did what."""
