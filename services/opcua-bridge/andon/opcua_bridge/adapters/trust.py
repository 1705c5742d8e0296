"""Whom the server trusts: certificates in folders, as OPC UA tools keep them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from andon.contracts import BadRequest, NotFound
from andon.contracts.opcua import Certificate, CertificateState, CertificateUse
from andon.opcua_bridge.adapters.papers import (
    CertificateRefused,
    application_uris,
    extended_use,
    fingerprint,
    is_authority,
    revocations,
    signed_by,
    sound,
)
from andon.telemetry import log

_FOLDERS = {
    CertificateUse.CLIENT: "trusted",
    CertificateUse.AUTHORITY: "issuers",
    CertificateUse.USER: "users",
}
_REJECTED, _REVOKED = "rejected", "crl"
_MOST_REJECTED = 100
"""Anybody can send certificates; the oldest go."""

_log = log("andon.opcua_bridge")


@dataclass(frozen=True)
class Known:
    """A certificate as it lies in a folder."""

    path: Path
    certificate: x509.Certificate
    der: bytes

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.der)


@dataclass
class TrustList:
    """Files may also be put there and taken away by hand; they are looked at again with each use."""

    folder: Path
    _read: dict[str, tuple[int, tuple[Known, ...]]] = field(
        default_factory=dict[str, tuple[int, tuple[Known, ...]]]
    )

    def prepare(self) -> None:
        """Make the folders."""
        for name in (*_FOLDERS.values(), _REJECTED, _REVOKED):
            (self.folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def check(self, der: bytes, now: datetime) -> None:
        """Raises CertificateRefused; one that is only not trusted is kept among the rejected."""
        certificate = sound(der, now)
        if ExtendedKeyUsageOID.CLIENT_AUTH not in extended_use(certificate):
            raise CertificateRefused("it may not be used by a client")
        if not self.trusts(der, now):
            self._keep_rejected(der)
            raise CertificateRefused("it is not trusted")

    def trusts(self, der: bytes, now: datetime) -> bool:
        """Whether a client may come, or stay, with it."""
        if any(known.der == der for known in self._all(_FOLDERS[CertificateUse.CLIENT])):
            return True
        certificate = x509.load_der_x509_certificate(der)
        issuers = [each for each in self._all(_FOLDERS[CertificateUse.AUTHORITY]) if _vouches(each, now)]
        for issuer in issuers:
            if signed_by(certificate, issuer.certificate):
                return not self._revoked(certificate, issuer.certificate)
        return False

    def user_of(self, der: bytes, now: datetime) -> str | None:
        """Id of the user who signs in with a certificate; None is nobody. Raises CertificateRefused."""
        sound(der, now)
        for known in self._all(_FOLDERS[CertificateUse.USER]):
            if known.der == der:
                return _user_file(known.path).read_text(encoding="utf-8").strip() or None
        self._keep_rejected(der)
        return None

    def listed(self, state: CertificateState | None = None) -> list[Certificate]:
        """Newest first."""
        found: list[Certificate] = []
        if state is not CertificateState.REJECTED:
            for use, name in _FOLDERS.items():
                found += [_shown(known, CertificateState.TRUSTED, use) for known in self._all(name)]
        if state is not CertificateState.TRUSTED:
            rejected = self._all(_REJECTED)
            found += [_shown(known, CertificateState.REJECTED, _likely_use(known)) for known in rejected]
        return sorted(found, key=lambda each: each.seen_at, reverse=True)

    def names(self) -> tuple[frozenset[str], frozenset[str]]:
        """Use and fingerprint of what is trusted, and of what was rejected."""
        trusted = {f"{name}/{known.fingerprint}" for name in _FOLDERS.values() for known in self._all(name)}
        rejected = {f"{_REJECTED}/{known.fingerprint}" for known in self._all(_REJECTED)}
        return frozenset(trusted), frozenset(rejected)

    def trust(self, der: bytes, use: CertificateUse, user_id: str | None) -> Certificate:
        """Keep a certificate among those of its use, and nowhere else. Raises BadRequest."""
        if use is CertificateUse.AUTHORITY and not is_authority(x509.load_der_x509_certificate(der)):
            raise BadRequest("certificate: it does not say that it is an authority's")
        self._remove(der)
        path = self.folder / _FOLDERS[use] / f"{fingerprint(der)}.der"
        if user_id is not None:
            _write(_user_file(path), user_id.encode())
        _write(path, der)
        return _shown(_known(path), CertificateState.TRUSTED, use)

    def reject(self, print_: str) -> Certificate:
        """Raises NotFound."""
        known = self.find(print_)
        self._remove(known.der)
        path = self.folder / _REJECTED / f"{known.fingerprint}.der"
        _write(path, known.der)
        moved = _known(path)
        return _shown(moved, CertificateState.REJECTED, _likely_use(moved))

    def delete(self, print_: str) -> None:
        """Raises NotFound."""
        self._remove(self.find(print_).der)

    def find(self, print_: str) -> Known:
        """Raises NotFound."""
        for name in (*_FOLDERS.values(), _REJECTED):
            for known in self._all(name):
                if known.fingerprint == print_:
                    return known
        raise NotFound(f"there is no certificate {print_}")

    def _all(self, name: str) -> tuple[Known, ...]:
        folder = self.folder / name
        try:
            changed = folder.stat().st_mtime_ns
        except FileNotFoundError:
            return ()
        before = self._read.get(name)
        # A file put there in the same tick of the file system's clock would be missed: look twice.
        if before is not None and before[0] == changed and _settled(changed):
            return before[1]
        found = tuple(_in(folder))
        self._read[name] = (changed, found)
        return found

    def _revoked(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        for path in sorted((self.folder / _REVOKED).glob("*")):
            revoked = revocations(path, issuer)
            if (
                revoked is not None
                and revoked.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
            ):
                return True
        return False

    def _keep_rejected(self, der: bytes) -> None:
        folder = self.folder / _REJECTED
        path = folder / f"{fingerprint(der)}.der"
        if not path.exists():
            _write(path, der)
        files = sorted(folder.glob("*.der"), key=lambda each: each.stat().st_mtime_ns)
        for old in files[:-_MOST_REJECTED]:
            old.unlink(missing_ok=True)

    def _remove(self, der: bytes) -> None:
        for name in (*_FOLDERS.values(), _REJECTED):
            for known in self._all(name):
                if known.der == der:
                    known.path.unlink(missing_ok=True)
                    _user_file(known.path).unlink(missing_ok=True)


def _vouches(known: Known, now: datetime) -> bool:
    found = known.certificate
    return is_authority(found) and found.not_valid_before_utc <= now <= found.not_valid_after_utc


def _in(folder: Path) -> Iterator[Known]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".der", ".crt", ".cer", ".pem"):
            try:
                yield _known(path)
            except (ValueError, FileNotFoundError):
                _log.warning("a certificate can't be read", file=path.name)


def _known(path: Path) -> Known:
    content = path.read_bytes()
    load = x509.load_pem_x509_certificate if b"-----BEGIN" in content else x509.load_der_x509_certificate
    certificate = load(content)
    return Known(path, certificate, certificate.public_bytes(Encoding.DER))


def _shown(known: Known, state: CertificateState, use: CertificateUse) -> Certificate:
    found = known.certificate
    user = _user_file(known.path)
    return Certificate(
        fingerprint=known.fingerprint,
        thumbprint=found.fingerprint(hashes.SHA1()).hex(),  # noqa: S303 - what other tools show
        subject=found.subject.rfc4514_string(),
        issuer=found.issuer.rfc4514_string(),
        application_uri=next(iter(application_uris(known.der)), ""),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        state=state,
        use=use,
        user_id=user.read_text(encoding="utf-8").strip() if user.exists() else None,
        seen_at=datetime.fromtimestamp(known.path.stat().st_mtime, UTC),
    )


def _likely_use(known: Known) -> CertificateUse:
    return CertificateUse.CLIENT if application_uris(known.der) else CertificateUse.USER


def _user_file(path: Path) -> Path:
    return path.with_suffix(".user")


def _settled(changed_ns: int) -> bool:
    return datetime.now(UTC).timestamp() - changed_ns / 1e9 > 1


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)
