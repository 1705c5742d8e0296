"""OPC UA clients over the C stack open62541: each looks, reads and watches, and says so in lines of JSON.

Run in .venv-open62541, with a JSON array as its word, an object for each client. Ends when its input does.
"""

# pyright: reportMissingImports=false

import json
import sys
from typing import Any

import o6

POLICY = "http://opcfoundation.org/UA/SecurityPolicy#"
SIGN_AND_ENCRYPT = 3
NAMESPACES = "i=2255"


def say(name: str, **what: Any) -> None:
    """A line of a client's."""
    sys.stdout.write(json.dumps({"client": name, **what}, default=_plain) + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def look(client: Any, wanted: dict[str, Any]) -> None:
    """Folders, values, and what changes from now on."""
    name = wanted["name"]
    index = [str(each) for each in client.read(NAMESPACES)].index(wanted["namespace"])
    found = client.browse(f"ns={index};s={wanted['folder']}")
    say(name, browsed=[str(each.displayName.text) for each in found])
    nodes = {node: f"ns={index};s={wanted['station']}/{node}" for node in wanted["nodes"]}
    say(name, read={node: client.read(found) for node, found in nodes.items()})
    client.monitor(nodes[wanted["watch"]], lambda value: say(name, changed=value), 0.0, queueSize=100)


def come(wanted: dict[str, Any]) -> Any:
    """Connect as told; comes back with what must be kept for the connection to last."""
    client = o6.Client(
        wanted["endpoint"], certificate=wanted["certificate"], privateKey=wanted["key"],
        trustList=[wanted["server"]], securityMode=SIGN_AND_ENCRYPT, securityPolicy=POLICY + wanted["policy"],
        applicationUri=wanted["uri"], username=wanted["user"], password=wanted["password"],
    )  # fmt: skip
    try:
        client.connect()
    except o6.StatusCodeError as refused:
        say(wanted["name"], refused=int(str(refused)))
        return None
    look(client, wanted)
    return client


def main() -> None:
    """One after the other, then all together until the input ends."""
    clients = [come(wanted) for wanted in json.loads(sys.argv[1])]
    sys.stdin.read()
    for each in clients:
        if each is not None:
            each.disconnect()


if __name__ == "__main__":
    main()
