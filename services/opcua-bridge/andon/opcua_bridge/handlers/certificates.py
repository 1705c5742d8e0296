"""The trust list, as administrators see and change it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from andon.contracts import BadRequest, NotFound, audit, auth
from andon.contracts.opcua import (
    Certificate,
    Certificates,
    CertificateUse,
    DeleteCertificate,
    DeletedCertificate,
    ListCertificates,
    RejectCertificate,
    TrustCertificate,
)
from andon.messaging import Delivery, Service
from andon.opcua_bridge.adapters.papers import read_certificate
from andon.opcua_bridge.adapters.server import OpcuaServer


@dataclass
class TrustDesk:
    """Answers about certificates; every change is in the audit log."""

    bus: Service
    server: OpcuaServer
    clock: Callable[[], datetime]

    async def list(self, query: ListCertificates, _delivery: Delivery) -> Certificates:
        return Certificates(certificates=tuple(self.server.trust.listed(query.state)))

    async def trust(self, query: TrustCertificate, _delivery: Delivery) -> Certificate:
        """Raises BadRequest, NotFound."""
        der = self._brought(query)
        await self._check_user(query)
        done = self.server.trust.trust(der, query.use, query.user_id)
        await self._record(query.by, "opcua.certificate.trust", done.fingerprint, {"use": done.use.value})
        await self.server.end_untrusted()
        return done

    async def reject(self, query: RejectCertificate, _delivery: Delivery) -> Certificate:
        """Raises NotFound."""
        done = self.server.trust.reject(query.fingerprint)
        await self.server.end_untrusted()
        await self._record(query.by, "opcua.certificate.reject", done.fingerprint, {})
        return done

    async def delete(self, query: DeleteCertificate, _delivery: Delivery) -> DeletedCertificate:
        """Raises NotFound."""
        self.server.trust.delete(query.fingerprint)
        await self.server.end_untrusted()
        await self._record(query.by, "opcua.certificate.delete", query.fingerprint, {})
        return DeletedCertificate(fingerprint=query.fingerprint)

    def _brought(self, query: TrustCertificate) -> bytes:
        if (query.fingerprint is None) == (query.certificate is None):
            raise BadRequest("certificate: send it, or name one by its fingerprint, and not both")
        if query.certificate is not None:
            return read_certificate(query.certificate)
        return self.server.trust.find(query.fingerprint or "").der

    async def _check_user(self, query: TrustCertificate) -> None:
        if (query.use is CertificateUse.USER) != (query.user_id is not None):
            raise BadRequest("user_id: it says who signs in with a user's certificate, and stands only there")
        if query.user_id is None:
            return
        try:
            await self.bus.ask(auth.USER, auth.GetUser(id=query.user_id))
        except NotFound as unknown:
            raise BadRequest(f"user_id: there is no user {query.user_id}") from unknown

    async def _record(self, by: auth.Actor, action: str, target: str, details: dict[str, str]) -> None:
        entry = audit.Action(
            id=uuid4().hex, at=self.clock(), actor=by, action=action, target=target, details=details
        )
        await self.bus.say(audit.RECORD, entry, once=entry.id)
