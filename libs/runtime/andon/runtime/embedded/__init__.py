"""The servers Andon stands on, as child processes of this one."""

from andon.runtime.embedded._child import NotReady, Server, die_with_parent, dies_with_parent, shown_as, spawn
from andon.runtime.embedded._nats import BusUser, NatsOptions, nats_config, nats_server, users_with
from andon.runtime.embedded._ports import LOOPBACK, free_ports, is_free
from andon.runtime.embedded._seaweed import S3Keys, SeaweedPorts, SeaweedServer
from andon.runtime.embedded._secantus import mongo_uri, secantus_program, secantus_server
from andon.runtime.embedded._settings import EmbeddedSettings
from andon.runtime.embedded._stack import EmbeddedStack

__all__ = [
    "LOOPBACK", "BusUser", "EmbeddedSettings", "EmbeddedStack", "NatsOptions", "NotReady", "S3Keys",
    "SeaweedPorts", "SeaweedServer", "Server", "die_with_parent", "dies_with_parent", "free_ports", "is_free",
    "mongo_uri", "nats_config", "nats_server", "secantus_program", "secantus_server", "shown_as", "spawn",
    "users_with",
]  # fmt: skip
