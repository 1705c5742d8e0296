"""What was measured of each system, and the table of it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path


@dataclass
class Figures:
    """What was measured of one system with so many agents."""

    rates: list[float] = field(default_factory=list[float])
    """Empty jobs per second, one of each round."""
    waits: list[float] = field(default_factory=list[float])
    """Milliseconds from submit to start, of all rounds."""

    @property
    def rate(self) -> float:
        return max(self.rates)

    def at(self, share: float) -> float:
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def table(figures: Mapping[tuple[str, int], Figures], facts: Mapping[str, float], run: str) -> str:
    """By system and number of agents; Andon beside the best peer with as many."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    lines = [
        f"Measured {today} by `scripts/bench queue --write` on {os.cpu_count()} cores, beside the servers",
        f"and other work ({run}; waits are of all rounds). Everything is on the disk before it is",
        "acknowledged: the database with journal, NATS with `sync_interval always`, Redis with `appendfsync",
        "always`. All keep results; the peers acknowledge late. The embedded database is a stand-in written",
        "in Python: these figures say nothing about what MongoDB would do.",
        "",
        "| system | agents | empty jobs/s | of the best peer | submit to start p50 ms | p99 ms |",
        "|---|---|---|---|---|---|",
    ]
    for (name, agents), found in figures.items():
        others = [each.rate for (other, n), each in figures.items() if n == agents and "Andon" not in other]
        cells = (
            name,
            agents,
            f"{found.rate:.0f}",
            f"{found.rate / max(others):.2f}" if others else "",
            f"{found.at(0.5):.1f}",
            f"{found.at(0.99):.1f}",
        )
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join([*lines, "", *(f"- {name}: {value:.0f}." for name, value in facts.items())])


def write(text: str, document: Path) -> None:
    """Put it between the document's marks."""
    head, _, rest = document.read_text().partition("<!-- queue -->")
    _, _, tail = rest.partition("<!-- /queue -->")
    document.write_text(f"{head}<!-- queue -->\n{text}\n<!-- /queue -->{tail}")
