"""What was measured of Andon's anomaly models and their peers, as a table for people."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FIRST, LAST = "<!-- quality-peers -->", "<!-- /quality-peers -->"


def table(rows: Sequence[dict[str, Any]]) -> str:
    """By set; milliseconds of ours as a share of each peer's."""
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d} by `scripts/bench quality --only anomaly --peers --write`",
        f"on {os.cpu_count()} cores, two threads each, beside other work (load {os.getloadavg()[2]:.0f}).",
        "",
        "| set | model | good parts | AUROC | PRO | fit s | ms/part | ours of its |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ours = next(one["ms"] for one in rows if one["set"] == row["set"] and not one["peer"])
        named = f"{row['system']}, {row['bank']} patches" if row["bank"] else row["system"]
        cells = (
            row["set"],
            named,
            f"{row['good']:.0f}",
            _figure(row["auroc"]),
            _figure(row["pro"]),
            f"{row['fit_s']:.0f}",
            f"{row['ms']:.1f}",
            f"{ours / row['ms']:.2f}" if row["peer"] else "",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def write(text: str, document: Path) -> None:
    """Put it between the document's marks."""
    head, _, rest = document.read_text().partition(FIRST)
    _, _, tail = rest.partition(LAST)
    document.write_text(f"{head}{FIRST}\n{text}\n{LAST}{tail}")
