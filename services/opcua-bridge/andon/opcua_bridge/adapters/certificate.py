"""The server's own certificate, made at the first start and kept beside its key."""

import os
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem,
    generate_private_key,
    generate_self_signed_app_certificate,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

_TEN_YEARS = 3650
"""Days. Clients pin a self-signed certificate, so that an early end would only break them."""


@dataclass(frozen=True)
class Identity:
    """Where certificate (DER) and private key (PEM) lie."""

    certificate: Path
    key: Path


def identity(folder: Path, application_uri: str) -> Identity:
    """The identity in a folder, made there when missing. Takes up to a second: not for an event loop."""
    found = Identity(folder / "certificate.der", folder / "key.pem")
    if found.certificate.exists() and found.key.exists():
        return found
    folder.mkdir(parents=True, exist_ok=True)
    key = generate_private_key()
    certificate = generate_self_signed_app_certificate(
        key,
        "Andon OPC UA bridge",
        {"organizationName": "Andon"},
        _names(application_uri),
        [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
        days=_TEN_YEARS,
    )
    _write(found.key, dump_private_key_as_pem(key))
    # The certificate comes last: both are there, or the next start makes both anew.
    _write(found.certificate, certificate.public_bytes(Encoding.DER))
    return found


def _names(application_uri: str) -> list[x509.GeneralName]:
    # Part 6, 6.2.2: clients compare the application URI in the certificate with the endpoint's.
    hosts = dict.fromkeys((socket.gethostname(), "localhost"))
    return [
        x509.UniformResourceIdentifier(application_uri),
        *(x509.DNSName(host) for host in hosts),
        x509.IPAddress(IPv4Address("127.0.0.1")),
    ]


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
