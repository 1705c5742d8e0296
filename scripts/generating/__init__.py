"""Documents that are generated from the contracts, and the locked requirements."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""

COMMAND = "scripts/generate"
"""What to run when a document is stale."""
