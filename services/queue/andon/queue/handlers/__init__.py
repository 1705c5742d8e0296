"""Reactions of the queue: to who submits, to who works, and to the clock."""
