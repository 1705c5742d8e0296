"""docs/openapi.json: the gateway's HTTP surface, as /openapi.json of a running one."""

import json

from andon.gateway.app import GatewaySettings, described

PATH = "docs/openapi.json"


def documents() -> dict[str, str]:
    """The one document, by its path."""
    return {PATH: json.dumps(described(GatewaySettings()), indent=1, ensure_ascii=False) + "\n"}
