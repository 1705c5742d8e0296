"""The OPC UA servers: what they serve, who is connected, and whom they trust."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, StringConstraints

from andon.contracts import Unavailable, opcua
from andon.contracts.opcua import CertificateState, CertificateUse
from andon.gateway.context import Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayManage, MayView

routes = APIRouter(prefix="/opcua", tags=["system"])

PATH = "/api/v1/opcua/"
_PATIENCE = 2.0

Print = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the certificate, in hex.")]


class TrustBody(BaseModel):
    """A certificate that is brought along."""

    model_config = ConfigDict(extra="forbid")

    certificate: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
    """PEM, or DER in Base64."""
    use: CertificateUse = CertificateUse.CLIENT
    user_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """Who signs in with it; only with `use` user."""


class UseBody(BaseModel):
    """What a certificate that is there shall be good for."""

    model_config = ConfigDict(extra="forbid")

    use: CertificateUse = CertificateUse.CLIENT
    user_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """Who signs in with it; only with `use` user."""


@routes.get("/status")
async def opcua_status(_who: MayView, here: Here) -> opcua.Status:
    """Whether SCADA is being served, where and with what."""
    try:
        return await here.bus.ask(opcua.STATUS, opcua.GetStatus(), timeout=_PATIENCE)
    except Unavailable:
        return opcua.Status(enabled=False, running=False, endpoint="", station_count=0, nodes=())


@routes.get("/servers", responses=may(503))
async def servers(_who: MayManage, here: Here) -> opcua.Servers:
    """Each server process with its load, its budgets and its clients."""
    return await here.bus.ask(opcua.SERVERS, opcua.ListServers())


@routes.get("/certificates", responses=may(503))
async def certificates(
    _who: MayManage, here: Here, state: CertificateState | None = None
) -> opcua.Certificates:
    """Certificates that are trusted, and those that came and were rejected; newest first."""
    return await here.bus.ask(opcua.CERTIFICATES, opcua.ListCertificates(state=state))


@routes.post("/certificates", status_code=201, responses=may(400, 503))
async def bring(body: TrustBody, who: MayManage, here: Here) -> opcua.Certificate:
    """Trust a certificate."""
    question = parsed(opcua.TrustCertificate, **body.model_dump(), by=who.actor)
    return await here.bus.ask(opcua.TRUST, question)


@routes.post("/certificates/{fingerprint}/trust", responses=may(400, 404, 503))
async def trust(fingerprint: Print, body: UseBody, who: MayManage, here: Here) -> opcua.Certificate:
    """Trust one that was rejected, or for another use."""
    question = parsed(opcua.TrustCertificate, fingerprint=fingerprint, **body.model_dump(), by=who.actor)
    return await here.bus.ask(opcua.TRUST, question)


@routes.post("/certificates/{fingerprint}/reject", responses=may(404, 503))
async def reject(fingerprint: Print, who: MayManage, here: Here) -> opcua.Certificate:
    """Trust a certificate no more; sessions that came with it end."""
    return await here.bus.ask(opcua.REJECT, opcua.RejectCertificate(fingerprint=fingerprint, by=who.actor))


@routes.delete("/certificates/{fingerprint}", responses=may(404, 503))
async def forget(fingerprint: Print, who: MayManage, here: Here) -> opcua.DeletedCertificate:
    """Forget a certificate, trusted or not."""
    return await here.bus.ask(opcua.DELETE, opcua.DeleteCertificate(fingerprint=fingerprint, by=who.actor))
