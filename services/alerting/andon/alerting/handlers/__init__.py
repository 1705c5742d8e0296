"""Reactions of alerting: what is judged is counted, rules are held against it, people are told."""
