"""What a certificate says, and whether it is good in itself."""

import base64
import binascii
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from andon.contracts import BadRequest
from andon.telemetry import log

_LEAST_BITS = 2048
_LONGEST = 20_000
"""Bytes."""

_log = log("andon.opcua_bridge")


class CertificateRefused(Exception):
    """Why a certificate is not good enough; for our log, not for whoever sent it."""


def fingerprint(der: bytes) -> str:
    """SHA-256 in hex."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return digest.finalize().hex()


def first_of(chain: bytes) -> bytes:
    """The certificate that stands first in a chain of DERs; the bytes themselves if they are none."""
    head = 4
    if len(chain) < head or chain[:2] != b"\x30\x82":
        return chain
    return chain[: head + int.from_bytes(chain[2:head], "big")]


def read_certificate(text: str) -> bytes:
    """The DER of a PEM, or of a DER in Base64. Raises BadRequest."""
    try:
        if "-----BEGIN" in text:
            found = x509.load_pem_x509_certificate(text.encode())
        else:
            found = x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
    except (ValueError, binascii.Error) as error:
        raise BadRequest("certificate: it is neither PEM nor DER in Base64") from error
    return found.public_bytes(Encoding.DER)


def application_uris(der: bytes) -> list[str]:
    """Which applications a certificate is for."""
    try:
        names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (ValueError, x509.ExtensionNotFound):
        return []
    return names.value.get_values_for_type(x509.UniformResourceIdentifier)


def sound(der: bytes, now: datetime) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        use = _key_use(certificate)
    except ValueError as error:
        raise CertificateRefused("it can't be read") from error
    if len(der) > _LONGEST:
        raise CertificateRefused("it is too long")
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
        raise CertificateRefused(f"its key is not RSA of {_LEAST_BITS} bits or more")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise CertificateRefused(f"it is for {_span(certificate)}")
    if use is not None and not use.digital_signature:
        raise CertificateRefused("its key may not sign")
    return certificate


def _span(certificate: x509.Certificate) -> str:
    return f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"


def _key_use(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def extended_use(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return [ExtendedKeyUsageOID.CLIENT_AUTH]


def is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def revocations(path: Path, issuer: x509.Certificate) -> x509.CertificateRevocationList | None:
    content = path.read_bytes()
    load = x509.load_pem_x509_crl if content.startswith(b"-----") else x509.load_der_x509_crl
    try:
        found = load(content)
        signed = found.issuer == issuer.subject and found.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (ValueError, TypeError):
        _log.warning("a revocation list can't be read", file=path.name)
        return None
    return found if signed else None
