"""What OPC UA tests share: keys and certificates, clients with them, and a client's view of our nodes."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportOptionalMemberAccess=false

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path

from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Identity:
    """An application's or a person's certificate and key."""

    uri: str
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def files(self, folder: Path) -> tuple[Path, Path]:
        """Certificate (DER) and key (PEM) in a folder."""
        name = self.uri.replace(":", "-")
        certificate, key = folder / f"{name}.der", folder / f"{name}.pem"
        certificate.write_bytes(self.der)
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, key


@cache
def identity(name: str, *, days: int = 365, issuer: str | None = None, authority: bool = False) -> Identity:
    """One of that name, the same for the whole run; keys take a while."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    by = identity(issuer, authority=True) if issuer else None
    uri, now = f"urn:andon:test:{name}", datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(uri),
        x509.IPAddress(IPv4Address("127.0.0.1")),
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    return Identity(uri, builder.sign(by.key if by else key, hashes.SHA256()), key)


async def secured(
    address: str,
    folder: Path,
    who: Identity,
    user: tuple[str, str] | None = None,
    policy: type = SecurityPolicyBasic256Sha256,
) -> Client:
    """A client that is ready to connect with encryption, to a server whose certificate it takes on trust."""
    client = Client(address, timeout=10)
    client.application_uri = who.uri
    certificate, key = who.files(folder)
    await client.set_security(policy, certificate, key, mode=ua.MessageSecurityMode.SignAndEncrypt)
    if user is not None:
        client.set_user(user[0])
        client.set_password(user[1])
    return client


class Seen:
    """A client's view of our nodes."""

    def __init__(self, client: Client, index: int) -> None:
        self.client, self.index = client, index

    def node(self, name: str):
        return self.client.get_node(ua.NodeId(name, self.index))

    async def read(self, name: str) -> ua.DataValue:
        return await self.node(name).read_data_value(raise_on_bad_status=False)

    async def value(self, name: str) -> object:
        found = await self.read(name)
        assert found.Value is not None
        return found.Value.Value

    async def counts(self, station_id: str = "line-1") -> tuple[object, ...]:
        return tuple(
            [await self.value(f"station/{station_id}/{each}Count") for each in ("Pass", "Fail", "Uncertain")]
        )

    async def counts_are(self, passed: int, failed: int, uncertain: int) -> bool:
        try:
            found = await self.counts()
        except ua.UaError:  # no such station yet
            return False
        assert found == (passed, failed, uncertain)
        return True

    async def positive(self, name: str) -> bool:
        found = await self.value(name)
        return isinstance(found, int) and found > 0
