"""The OPC UA bridge: the servers that SCADA connects to, who is connected, and whom they trust."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from andon.contracts._message import Message, Time
from andon.contracts._subject import Event, Query
from andon.contracts.auth.people import Actor


class GetStatus(Message):
    pass


class Status(Message):
    """Live state of the OPC UA server, or of all its shards together."""

    enabled: bool
    running: bool
    endpoint: str
    """Of the shard whose group comes first, where there are several."""
    station_count: int
    nodes: tuple[str, ...]
    """station/<id> for each station, then SystemStatus."""


class Budgets(Message):
    """How much a server takes on; what goes beyond is refused."""

    sessions: Annotated[int, Field(ge=1)] = 100
    subscriptions: Annotated[int, Field(ge=1)] = 400
    """Of all sessions together."""
    subscriptions_per_session: Annotated[int, Field(ge=1)] = 20
    items: Annotated[int, Field(ge=1)] = 50_000
    """Monitored items of all sessions together."""
    items_per_session: Annotated[int, Field(ge=1)] = 10_000
    queue: Annotated[int, Field(ge=1)] = 1000
    """Longest queue of a monitored item; a client that asks for more gets this."""
    publishing_ms: Annotated[float, Field(gt=0)] = 50
    """Shortest publishing interval; a client that asks for less gets this."""
    session_seconds: Annotated[float, Field(ge=5)] = 300
    """Longest time that a session outlives its client's last request."""
    lag_seconds: Annotated[float, Field(gt=0)] = 1.5
    """New sessions are refused while the server answers later than this."""


class SignedInBy(StrEnum):
    PASSWORD = "password"  # noqa: S105 - the way, not the word
    CERTIFICATE = "certificate"
    ANONYMOUS = "anonymous"


class Session(Message):
    """A client that is connected, or may come back to what it subscribed to."""

    id: str
    server: str
    """Group of the shard; empty for the only server."""
    user: str
    """Empty for nobody's."""
    signed_in_by: SignedInBy
    application: str
    """URI of the client's application, as its certificate names it."""
    address: str
    policy: str
    """Such as Basic256Sha256; None without encryption."""
    certificate: str = ""
    """Fingerprint of the client's certificate."""
    since: Time
    subscriptions: int
    items: int


class Server(Message):
    """One server process: the only one, or a shard that serves a group of stations."""

    group: str = ""
    endpoint: str
    stations: tuple[str, ...]
    service_level: Annotated[int, Field(ge=0, le=255)]
    """As OPC UA's ServiceLevel: 200 and more is healthy."""
    lag_ms: float
    """How much later than asked for the server's own timer ran last."""
    notifications: int
    """Sent since the server started."""
    refused: int
    """Channels, sessions, subscriptions and items that were refused since the server started."""
    budgets: Budgets
    sessions: tuple[Session, ...]
    certificate: str
    """Fingerprint of the server's own certificate."""
    at: Time
    """When this was true."""


class ListServers(Message):
    pass


class Servers(Message):
    """By group."""

    servers: tuple[Server, ...]


class CertificateState(StrEnum):
    TRUSTED = "trusted"
    REJECTED = "rejected"
    """Came to the server and was not trusted, or is not any more."""


class CertificateUse(StrEnum):
    CLIENT = "client"
    """A client application's own."""
    AUTHORITY = "authority"
    """What it has signed is trusted."""
    USER = "user"
    """A person's, to sign in with instead of a password."""


Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of the certificate's bytes, in hex."""


class Certificate(Message):
    fingerprint: Fingerprint
    thumbprint: str
    """SHA-1, in hex, as OPC UA tools show it."""
    subject: str
    issuer: str
    application_uri: str = ""
    not_before: Time
    not_after: Time
    state: CertificateState
    use: CertificateUse
    user_id: str | None = None
    """Who signs in with it."""
    seen_at: Time
    """When it came, or was last moved."""


class ListCertificates(Message):
    state: CertificateState | None = None


class Certificates(Message):
    """Newest first."""

    certificates: tuple[Certificate, ...]


class TrustCertificate(Message):
    """Name one that was rejected by its fingerprint, or bring one along."""

    fingerprint: Fingerprint | None = None
    certificate: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    """PEM, or DER in Base64."""
    use: CertificateUse = CertificateUse.CLIENT
    user_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """Needed for a user's certificate, and only there."""
    by: Actor


class RejectCertificate(Message):
    fingerprint: Fingerprint
    by: Actor


class DeleteCertificate(Message):
    fingerprint: Fingerprint
    by: Actor


class DeletedCertificate(Message):
    fingerprint: str


class ClientsChanged(Message):
    """Clients came or went. Who they are is not said: who may see it asks."""

    group: str = ""
    """Of the shard; empty for the only server."""
    sessions: Annotated[int, Field(ge=0)]


class CertificatesChanged(Message):
    """The trust list is another: by a person, by hand in its folders, or a stranger's certificate came."""

    group: str = ""
    trusted: Annotated[int, Field(ge=0)]
    rejected: Annotated[int, Field(ge=0)]


STATUS = Query(
    "opcua.server.status.v1",
    GetStatus,
    "Is SCADA being served, where and with what.",
    said_by=("gateway",),
    heard_by=("opcua-bridge",),
    reply=Status,
)
SERVERS = Query(
    "opcua.server.list.v1",
    ListServers,
    "Each server process with its load and its clients.",
    said_by=("gateway",),
    heard_by=("opcua-bridge",),
    reply=Servers,
)
CERTIFICATES = Query(
    "opcua.certificate.list.v1",
    ListCertificates,
    "Certificates that are trusted, and those that were rejected.",
    said_by=("gateway",),
    heard_by=("opcua-bridge",),
    reply=Certificates,
)
TRUST = Query(
    "opcua.certificate.trust.v1",
    TrustCertificate,
    "Let a client, what an authority signed, or a person in.",
    said_by=("gateway",),
    heard_by=("opcua-bridge",),
    reply=Certificate,
)
REJECT = Query(
    "opcua.certificate.reject.v1",
    RejectCertificate,
    "Trust a certificate no more; sessions that came with it end.",
    said_by=("gateway",),
    heard_by=("opcua-bridge",),
    reply=Certificate,
)
DELETE = Query(
    "opcua.certificate.delete.v1",
    DeleteCertificate,
    "Forget a certificate.",
    said_by=("gateway",),
    heard_by=("opcua-bridge",),
    reply=DeletedCertificate,
)
CLIENTS_CHANGED = Event(
    "opcua.client.changed.v1",
    ClientsChanged,
    "Clients connected or left.",
    said_by=("opcua-bridge",),
    heard_by=("gateway",),
)
CERTIFICATES_CHANGED = Event(
    "opcua.certificate.changed.v1",
    CertificatesChanged,
    "Whom the servers trust has changed, or a stranger came.",
    said_by=("opcua-bridge",),
    heard_by=("gateway",),
)
