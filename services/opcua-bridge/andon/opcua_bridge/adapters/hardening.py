"""What asyncua 2.1.0 gets wrong and a plant would meet, put right; a test per defect tells when it may go."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportOptionalMemberAccess=false
# ruff: noqa: SLF001 - what is to be put right is asyncua's own

import struct
from datetime import UTC, datetime
from typing import Any, NoReturn

from asyncua import ua
from asyncua.common.utils import Buffer, ServiceError
from asyncua.crypto import uacrypto
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession, SessionState
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import struct_from_binary, uatcp_to_binary

from andon.contracts import Unavailable
from andon.contracts.auth import Permission
from andon.contracts.opcua import Budgets
from andon.opcua_bridge.adapters.changes import DataChanges, harden_changes
from andon.opcua_bridge.adapters.history import NoHistory, Reader
from andon.opcua_bridge.adapters.papers import (
    CertificateRefused,
    application_uris,
    fingerprint,
    first_of,
)
from andon.opcua_bridge.adapters.sessions import OwnedSession, items_of
from andon.opcua_bridge.adapters.trust import TrustList
from andon.opcua_bridge.adapters.visitors import Client, Door, Visitor, signed_in
from andon.telemetry import log

_CREATE = ua.NodeId(ua.ObjectIds.CreateSessionRequest_Encoding_DefaultBinary)
_ACTIVATE = ua.NodeId(ua.ObjectIds.ActivateSessionRequest_Encoding_DefaultBinary)
_WITHOUT_SESSION = frozenset(
    ua.NodeId(each)
    for each in (
        ua.ObjectIds.FindServersRequest_Encoding_DefaultBinary,
        ua.ObjectIds.GetEndpointsRequest_Encoding_DefaultBinary,
        ua.ObjectIds.RegisterServerRequest_Encoding_DefaultBinary,
        ua.ObjectIds.RegisterServer2Request_Encoding_DefaultBinary,
        ua.ObjectIds.CloseSecureChannelRequest_Encoding_DefaultBinary,
    )
)
_DECRYPT = {
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep": uacrypto.decrypt_rsa_oaep,
    "http://opcfoundation.org/UA/security/rsa-oaep-sha2-256": uacrypto.decrypt_rsa_oaep_sha256,
}
_SIGNATURES = (
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://opcfoundation.org/UA/security/rsa-pss-sha2-256",
)
_SPARE_CONNECTIONS = 20
"""Beyond the sessions: for asking about endpoints, and for being told that there is no room."""

_process_message = UaProcessor._process_message
_open_secure_channel = UaProcessor.open_secure_channel
_forward = UaProcessor.forward_publish_response
_log = log("andon.opcua_bridge")


class HardenedServer(InternalServer):
    """Sessions own what they make; clients prove themselves; users are asked for elsewhere."""

    def __init__(self, door: Door, trust: TrustList, budgets: Budgets, *, anonymous: bool) -> None:
        super().__init__(user_manager=_Users())
        self.door, self.trust, self.budgets, self.anonymous = door, trust, budgets, anonymous
        self.history: Reader = NoHistory()
        self.refused = self.notifications = 0
        self.busy = False
        """Set while it answers late: then nobody new comes in."""
        self.allow_remote_admin = False
        unnamed = (ua.AnonymousIdentityToken,) if anonymous else ()
        self.supported_tokens = (ua.UserNameIdentityToken, ua.X509IdentityToken, *unnamed)
        self.max_connections = budgets.sessions + _SPARE_CONNECTIONS
        self.max_subscriptions = budgets.subscriptions
        self.max_monitored_item_queue_size = budgets.queue
        self.max_session_timeout_ms = budgets.session_seconds * 1000
        self.max_unacked_messages_per_subscription = budgets.queue

    @property
    def sessions(self) -> list[OwnedSession]:
        """Those of clients."""
        return [each for each in self._external_sessions.values() if isinstance(each, OwnedSession)]

    def create_session(self, name: str, user: User | None = None, external: bool = False) -> InternalSession:
        kind = OwnedSession if external else InternalSession
        who = user or User(role=UserRole.Anonymous)
        return kind(self, self.aspace, self.subscription_service, name, user=who, external=external)

    def register_server(self, server: Any, conf: Any = None) -> NoReturn:  # noqa: ARG002 - as asyncua calls it
        """As shipped, anybody may register servers, without a session and without end."""
        raise ServiceError(ua.StatusCodes.BadServiceUnsupported)

    def add_endpoint(self, endpoint: Any) -> None:
        """As shipped, an encrypted channel is enough for a password; then one that leaked can be replayed."""
        for token in endpoint.UserIdentityTokens:
            if endpoint.SecurityMode != ua.MessageSecurityMode.None_:
                token.SecurityPolicyUri = endpoint.SecurityPolicyUri
        super().add_endpoint(endpoint)

    def room_for_items(self, session: OwnedSession) -> int:
        """How many more monitored items a session may have."""
        everybody = self.budgets.items - items_of(self.subscription_service.subscriptions.values())
        return min(everybody, self.budgets.items_per_session - session.items)

    def admit_channel(self, certificate: bytes | None, address: str) -> None:
        """As shipped, nobody looks at the certificate that opens a channel. Raises ServiceError."""
        if not certificate or self.anonymous:
            return
        try:
            self.trust.check(first_of(certificate), datetime.now(UTC))
        except CertificateRefused as refused:
            self.refused += 1
            print_ = fingerprint(first_of(certificate))
            _log.warning("a client was refused", reason=str(refused), certificate=print_, address=address)
            raise ServiceError(ua.StatusCodes.BadSecurityChecksFailed) from refused

    def admit_session(self, processor: UaProcessor, body: Buffer) -> Client:
        """As shipped, the certificate named here may be somebody else's. Raises ServiceError."""
        params = struct_from_binary(ua.CreateSessionParameters, body.copy())
        policy = processor._connection.security_policy
        peer = first_of(policy.peer_certificate or b"")
        if policy.Mode == ua.MessageSecurityMode.None_ and not self.anonymous:
            raise ServiceError(ua.StatusCodes.BadSecurityModeRejected)
        if self.busy or len(self.sessions) >= self.budgets.sessions:
            self.refused += 1
            raise ServiceError(ua.StatusCodes.BadTooManySessions)
        application = params.ClientDescription.ApplicationUri or ""
        if peer:
            if first_of(params.ClientCertificate or b"") != peer:
                raise ServiceError(ua.StatusCodes.BadSecurityChecksFailed)
            if not self.anonymous and application not in application_uris(peer):
                raise ServiceError(ua.StatusCodes.BadCertificateUriInvalid)
        return Client(application, address_of(processor), _policy_name(policy), peer, datetime.now(UTC))

    async def sign_in(self, processor: UaProcessor, header: Any, body: Buffer) -> Visitor:
        """Whom a request to activate a session names. Raises ServiceError."""
        session = processor.session or self.lookup_external_session(header.AuthenticationToken)
        if not isinstance(session, OwnedSession) or session.auth_token != header.AuthenticationToken:
            raise ServiceError(ua.StatusCodes.BadSessionIdInvalid)
        peer = first_of(processor._connection.security_policy.peer_certificate or b"")
        if session.client is None or session.client.certificate != peer:
            raise ServiceError(ua.StatusCodes.BadSecurityChecksFailed)
        params = struct_from_binary(ua.ActivateSessionParameters, body.copy())
        try:
            visitor = await self._named(session, params, address_of(processor))
        except Unavailable as away:
            raise ServiceError(ua.StatusCodes.BadResourceUnavailable) from away
        if visitor is None:
            self.refused += 1
            raise ServiceError(ua.StatusCodes.BadUserAccessDenied)
        return visitor

    def decrypt_user_token(self, isession: Any, token: Any) -> tuple[str, str]:
        """Name and password; as shipped, one that was recorded earlier would do too. Raises ValueError."""
        if not token.EncryptionAlgorithm:
            if not self.anonymous:
                raise ValueError("its password is not encrypted for this session")
            return token.UserName or "", (token.Password or b"").decode()
        if token.EncryptionAlgorithm not in _DECRYPT:
            raise ValueError("that encryption is not good enough")
        plain = _DECRYPT[token.EncryptionAlgorithm](self.private_key, token.Password)
        (length,) = struct.unpack_from("<I", plain)
        secret = plain[4 : 4 + length]
        if len(secret) != length or not isession.nonce or not secret.endswith(isession.nonce):
            raise ValueError("it was not made for this session")
        return token.UserName or "", secret[: -len(isession.nonce)].decode()

    async def _named(self, session: OwnedSession, params: Any, address: str) -> Visitor | None:
        token = params.UserIdentityToken
        try:
            if isinstance(token, ua.UserNameIdentityToken):
                name, password = self.decrypt_user_token(session, token)
                return await self.door.by_password(name, password, address) if name and password else None
            if isinstance(token, ua.X509IdentityToken):
                return await self._of_certificate(session, params, address)
        except (ValueError, struct.error, CertificateRefused, uacrypto.InvalidSignature) as error:
            _log.warning("a user was refused", reason=str(error), address=address)
            return None
        return Visitor(permissions=frozenset({Permission.VIEW_HISTORY})) if self.anonymous else None

    async def _of_certificate(self, session: OwnedSession, params: Any, address: str) -> Visitor | None:
        token, signature = params.UserIdentityToken, params.UserTokenSignature
        if signature.Algorithm not in _SIGNATURES:
            return None
        der = self.verify_x509_token(session, token, signature)
        user_id = self.trust.user_of(der, datetime.now(UTC))
        return await self.door.by_certificate(user_id, fingerprint(der), address) if user_id else None


class _Users:
    """asyncua asks here, without waiting; the answer was fetched before."""

    def get_user(self, _server: InternalServer, **_unused: Any) -> User | None:
        return signed_in.get()


def _policy_name(policy: Any) -> str:
    return str(policy.URI).rpartition("#")[2]


def address_of(processor: UaProcessor) -> str:
    """Where a connection comes from."""
    return str(processor.name[0]) if processor.name else ""


def _open_checked(self: UaProcessor, algohdr: Any, seqhdr: Any, body: Any) -> None:
    if not isinstance(self.iserver, HardenedServer):
        _open_secure_channel(self, algohdr, seqhdr, body)
        return
    try:
        self.iserver.admit_channel(algohdr.SenderCertificate, address_of(self))
        _open_secure_channel(self, algohdr, seqhdr, body)
    except ServiceError as refused:
        _hang_up(self, refused.code)
    except ua.UaError:  # a policy or mode that is not offered
        _hang_up(self, ua.StatusCodes.BadSecurityPolicyRejected)


def _hang_up(processor: UaProcessor, code: int) -> None:
    # Without a word, the client would wait for its time-out.
    message = ua.ErrorMessage(ua.StatusCode(code), "")
    processor._transport.write(uatcp_to_binary(ua.MessageType.Error, message))
    processor._transport.close()


async def _ask_first(self: UaProcessor, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> Any:
    server = self.iserver
    if not isinstance(server, HardenedServer) or typeid in _WITHOUT_SESSION:
        return await _process_message(self, typeid, requesthdr, seqhdr, body)
    if typeid == _CREATE:
        client = server.admit_session(self, body)
        if self.session is not None and not self.session.is_activated():
            await self.session.close_session()  # As shipped, nothing would ever end it.
        done = await _process_message(self, typeid, requesthdr, seqhdr, body)
        if isinstance(self.session, OwnedSession):
            self.session.client = client
        return done
    if typeid == _ACTIVATE:
        # asyncua checks users in a plain function; ours is a question on the bus, so it is asked ahead.
        signed_in.set(await server.sign_in(self, requesthdr, body))
    elif self.session is None or requesthdr.AuthenticationToken != self.session.auth_token:
        # As shipped, any token will do on a connection that has a session.
        raise ServiceError(ua.StatusCodes.BadSessionIdInvalid)
    elif self.session.state is SessionState.Closed:
        raise ServiceError(ua.StatusCodes.BadSessionClosed)
    return await _process_message(self, typeid, requesthdr, seqhdr, body)


async def _counted(self: UaProcessor, result: Any, requestdata: Any) -> None:
    if isinstance(self.iserver, HardenedServer):
        for each in result.NotificationMessage.NotificationData:
            self.iserver.notifications += (
                each.count if isinstance(each, DataChanges) else len(getattr(each, "Events", ()))
            )
    await _forward(self, result, requestdata)


def harden() -> None:
    """Patch what no subclass can reach; a repeat is harmless."""
    UaProcessor._process_message = _ask_first
    UaProcessor.open_secure_channel = _open_checked
    UaProcessor.forward_publish_response = _counted
    harden_changes()
