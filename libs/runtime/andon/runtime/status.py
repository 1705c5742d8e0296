"""Tells what runs over a data folder, from what the stack wrote there."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from andon.runtime.embedded import LOOPBACK
from andon.runtime.state import running_stack


def status(data: Path) -> int:
    """Print what runs over the folder; 0 when a stack does, else 1."""
    state = running_stack(data)
    console = Console()
    if state is None:
        console.print(f"no stack runs over {data}")
        return 1
    table = Table("what", "state", "pid", "restarts", "health")
    for name, address in sorted(state.servers.items()):
        table.add_row(name, "server", address.removeprefix("pid "), "", "")
    for name, each in sorted(state.services.items()):
        health = f"http://{LOOPBACK}:{each.health_port}/ready" if each.health_port else ""
        table.add_row(
            name, "ready" if each.ready else "starting", str(each.pid or ""), str(each.restarts), health
        )
    console.print(table)
    for line in (state.url, state.opcua_url):
        if line:
            console.print(line)
    return 0
