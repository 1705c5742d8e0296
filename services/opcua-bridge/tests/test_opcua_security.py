"""Who gets in, with what certificate, as whom, and how much of the server they may take."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportOptionalMemberAccess=false

import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import Client, ua
from asyncua.client.ua_client import UaClient
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss, SecurityPolicyBasic256Sha256
from asyncua.ua.uaerrors import BadUserAccessDenied
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from andon.contracts import BadRequest, NotFound
from andon.contracts.auth import Permission
from andon.contracts.opcua import Budgets, CertificateState, CertificateUse, SignedInBy
from andon.opcua_bridge.adapters.papers import CertificateRefused, fingerprint, read_certificate
from andon.opcua_bridge.adapters.server import OpcuaServer
from andon.opcua_bridge.adapters.settings import OpcuaSettings
from andon.opcua_bridge.adapters.trust import TrustList
from andon.opcua_bridge.adapters.visitors import Door, Visitor
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))

from opcua_plant import Identity, identity, secured

pytestmark = pytest.mark.asyncio(loop_scope="module")

OLGA = ("olga", "correct horse")
BUDGETS = Budgets(
    sessions=4, subscriptions=5, subscriptions_per_session=3, items=40, items_per_session=30, queue=10
)
REFUSED = (ua.UaError, ConnectionError, TimeoutError)


async def _by_password(name: str, password: str, _address: str) -> Visitor | None:
    if (name, password) != OLGA:
        return None
    return Visitor(
        name=name, user_id="1", permissions=frozenset({Permission.VIEW_HISTORY}), by=SignedInBy.PASSWORD
    )


async def _by_certificate(user_id: str, _fingerprint: str, _address: str) -> Visitor | None:
    seen = frozenset({Permission.VIEW_HISTORY})
    return Visitor(name=f"user {user_id}", user_id=user_id, permissions=seen, by=SignedInBy.CERTIFICATE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpcuaServer]:
    """One for all tests here: each leaves it as it found it."""
    settings = OpcuaSettings(port=0, budgets=BUDGETS, machine_vision=False)
    door = Door(_by_password, _by_certificate)
    async with OpcuaServer(settings, tmp_path_factory.mktemp("opcua"), door) as server:
        server.trust.trust(identity("scada").der, CertificateUse.CLIENT, None)
        yield server


@pytest.fixture
def client_of(server: OpcuaServer, tmp_path: Path):
    async def made(
        who: Identity, user: tuple[str, str] | None = OLGA, policy: type = SecurityPolicyBasic256Sha256
    ) -> Client:
        return await secured(server.endpoint, tmp_path, who, user, policy)

    return made


class Ignoring:
    def datachange_notification(self, _node: object, _value: object, _data: object) -> None:
        """Nothing: the test is about who may do what."""


@pytest.mark.parametrize("policy", [SecurityPolicyBasic256Sha256, SecurityPolicyAes256Sha256RsaPss])
async def test_a_trusted_client_comes_in_with_a_password(
    server: OpcuaServer, client_of, policy: type
) -> None:
    async with await client_of(identity("scada"), policy=policy) as client:
        node = ua.NodeId("SystemStatus/IsRunning", await client.get_namespace_index("urn:andon:opcua"))
        assert await client.get_node(node).read_value() is True
        (session,) = server.described().sessions
        assert (session.user, session.signed_in_by) == ("olga", SignedInBy.PASSWORD)
        assert session.policy == policy.URI.rpartition("#")[2]
        assert session.certificate == fingerprint(identity("scada").der)


async def test_a_rogue_certificate_is_refused_at_the_channel_and_kept_among_the_rejected(
    server: OpcuaServer, client_of
) -> None:
    with pytest.raises(REFUSED):
        await (await client_of(identity("rogue"))).connect()
    rejected = server.trust.listed(CertificateState.REJECTED)
    assert [each.subject for each in rejected] == ["CN=rogue"]
    assert server.described().sessions == ()


async def test_a_rogue_that_shows_a_trusted_clients_certificate_is_refused(
    server: OpcuaServer, client_of, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.trust.trust(identity("other").der, CertificateUse.CLIENT, None)
    create = UaClient.create_session
    shows: list[bytes | None] = [identity("scada").der, None]

    async def lying(self: UaClient, parameters: ua.CreateSessionParameters) -> object:
        parameters.ClientCertificate = shows.pop()
        return await create(self, parameters)

    monkeypatch.setattr(UaClient, "create_session", lying)
    while shows:
        client = await client_of(identity("other"))
        with pytest.raises(ua.UaError, match="BadSecurityChecksFailed"):
            await client.connect()
        with suppress(*REFUSED):
            await client.disconnect()
    server.trust.delete(fingerprint(identity("other").der))
    await eventually(lambda: server.described().sessions == ())


async def test_without_encryption_there_are_endpoints_to_see_and_nothing_else(server: OpcuaServer) -> None:
    assert await Client(server.endpoint).connect_and_get_server_endpoints()
    plain = Client(server.endpoint)
    plain.set_user(OLGA[0])
    plain.set_password(OLGA[1])
    with pytest.raises(REFUSED):
        await plain.connect()


async def test_a_password_that_was_recorded_does_not_open_another_session(
    server: OpcuaServer, client_of, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[ua.ActivateSessionParameters] = []
    activate = UaClient.activate_session

    async def recording(self: UaClient, parameters: ua.ActivateSessionParameters) -> object:
        if recorded:
            parameters.UserIdentityToken = recorded[0].UserIdentityToken
        recorded.append(parameters)
        return await activate(self, parameters)

    monkeypatch.setattr(UaClient, "activate_session", recording)
    async with await client_of(identity("scada")):
        pass
    replaying = await client_of(identity("scada"))
    with pytest.raises(BadUserAccessDenied):
        await replaying.connect()
    assert len(recorded) == 2


async def test_a_session_answers_to_its_own_token_only(server: OpcuaServer, client_of) -> None:
    async with await client_of(identity("scada")) as one, await client_of(identity("scada")) as two:
        mine, theirs = one.uaclient.session, two.uaclient.session
        own = mine.authentication_token
        assert own.NodeIdType is ua.NodeIdType.ByteString
        assert len(own.Identifier) == 32
        mine.restore_authentication_token(theirs.authentication_token)
        with pytest.raises(ua.UaError):
            await one.nodes.server_state.read_value()
        mine.restore_authentication_token(own)
        await one.nodes.server_state.read_value()


async def test_a_person_signs_in_with_a_certificate(server: OpcuaServer, client_of, tmp_path: Path) -> None:
    person = identity("person")
    certificate, key = person.files(tmp_path)

    async def come() -> None:
        client = await client_of(identity("scada"), None)
        await client.load_client_certificate(str(certificate))
        await client.load_private_key(str(key))
        async with client:
            (session,) = server.described().sessions
            assert (session.user, session.signed_in_by) == ("user 7", SignedInBy.CERTIFICATE)

    with pytest.raises(REFUSED):
        await come()
    server.trust.trust(person.der, CertificateUse.USER, "7")
    await come()
    server.trust.delete(fingerprint(person.der))


async def test_what_an_authority_signed_comes_in_until_it_is_revoked(server: OpcuaServer, client_of) -> None:
    authority, signed = identity("plant", authority=True), identity("signed", issuer="plant")
    server.trust.trust(authority.der, CertificateUse.AUTHORITY, None)
    async with await client_of(signed):
        pass
    now = datetime.now(UTC)
    revoked = (
        x509.RevokedCertificateBuilder()
        .serial_number(signed.certificate.serial_number)
        .revocation_date(now)
        .build()
    )
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
    listed = builder.last_update(now).next_update(now + timedelta(days=1)).add_revoked_certificate(revoked)
    path = server.trust.folder / "crl" / "plant.crl"
    path.write_bytes(listed.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER))
    with pytest.raises(REFUSED):
        await (await client_of(signed)).connect()
    path.unlink()
    server.trust.delete(fingerprint(authority.der))


async def test_a_session_ends_when_its_certificate_is_trusted_no_more(server: OpcuaServer, client_of) -> None:
    guest = identity("other")
    server.trust.trust(guest.der, CertificateUse.CLIENT, None)
    client = await client_of(guest)
    await client.connect()
    server.trust.reject(fingerprint(guest.der))
    await server.end_untrusted()
    assert server.described().sessions == ()
    with pytest.raises(REFUSED):
        await client.nodes.server_state.read_value()
    with suppress(*REFUSED):
        await client.disconnect()
    server.trust.delete(fingerprint(guest.der))


async def test_sessions_subscriptions_and_items_beyond_the_budget_are_refused(
    server: OpcuaServer, client_of
) -> None:
    clients = [await client_of(identity("scada")) for _ in range(5)]
    for client in clients[:4]:
        await client.connect()
    with pytest.raises(ua.UaError, match="BadTooManySessions"):
        await clients[4].connect()
    one, two = clients[0], clients[1]
    mine = [await one.create_subscription(100, Ignoring()) for _ in range(3)]
    with pytest.raises(ua.UaError, match="BadTooManySubscriptions"):
        await one.create_subscription(100, Ignoring())
    status = one.get_node(ua.NodeId(ua.ObjectIds.Server_ServiceLevel))
    made = await mine[0].subscribe_data_change([status] * 31)
    refused = [each for each in made if isinstance(each, ua.StatusCode)]
    assert [each.value for each in refused] == [ua.StatusCodes.BadTooManyMonitoredItems]
    theirs = await two.create_subscription(100, Ignoring())
    more = await theirs.subscribe_data_change([two.get_node(status.nodeid)] * 11)
    assert [each for each in more if isinstance(each, ua.StatusCode)]
    assert server.described().refused >= 4
    for client in clients[:4]:
        await client.disconnect()
    await eventually(lambda: server.described().sessions == ())


async def test_nobody_new_comes_in_while_the_server_is_late(server: OpcuaServer, client_of) -> None:
    async with await client_of(identity("scada")) as before:
        server.core.busy = True
        with pytest.raises(ua.UaError, match="BadTooManySessions"):
            await (await client_of(identity("scada"))).connect()
        await before.nodes.server_state.read_value()
        server.core.busy = False
        async with await client_of(identity("scada")):
            pass


async def test_queues_and_intervals_are_kept_within_bounds(server: OpcuaServer, client_of) -> None:
    async with await client_of(identity("scada")) as client:
        parameters = ua.CreateSubscriptionParameters(RequestedPublishingInterval=0)
        created = await client.uaclient.session.create_subscription(parameters, lambda _: None)
        assert created.RevisedPublishingInterval == BUDGETS.publishing_ms
        changed = await client.uaclient.session.modify_subscription(
            ua.ModifySubscriptionParameters(
                SubscriptionId=created.SubscriptionId, RequestedPublishingInterval=400,
                RequestedLifetimeCount=100, RequestedMaxKeepAliveCount=10,
            )
        )  # fmt: skip
        assert (changed.RevisedPublishingInterval, changed.RevisedMaxKeepAliveCount) == (400, 10)
        item = ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(ua.NodeId(ua.ObjectIds.Server_ServiceLevel), ua.AttributeIds.Value),
            RequestedParameters=ua.MonitoringParameters(ClientHandle=1, QueueSize=100_000),
            MonitoringMode=ua.MonitoringMode.Reporting,
        )
        (made,) = await client.uaclient.session.create_monitored_items(
            ua.CreateMonitoredItemsParameters(SubscriptionId=created.SubscriptionId, ItemsToCreate=[item])
        )
        assert made.RevisedQueueSize == BUDGETS.queue
        (unknown,) = await client.uaclient.session.modify_monitored_items(
            ua.ModifyMonitoredItemsParameters(
                SubscriptionId=created.SubscriptionId,
                ItemsToModify=[ua.MonitoredItemModifyRequest(MonitoredItemId=4711)],
            )
        )
        assert unknown.StatusCode.value == ua.StatusCodes.BadMonitoredItemIdInvalid


async def test_what_is_wrong_with_a_certificate_is_said(tmp_path: Path) -> None:
    trust, now = TrustList(tmp_path), datetime.now(UTC)
    trust.prepare()
    with pytest.raises(CertificateRefused, match="can't be read"):
        trust.check(b"nonsense", now)
    expired = identity("expired", days=-1)
    trust.trust(expired.der, CertificateUse.CLIENT, None)
    with pytest.raises(CertificateRefused, match="it is for"):
        trust.check(expired.der, now)
    with pytest.raises(BadRequest, match="authority"):
        trust.trust(identity("scada").der, CertificateUse.AUTHORITY, None)
    with pytest.raises(BadRequest, match="PEM"):
        read_certificate("nonsense")
    with pytest.raises(NotFound):
        trust.reject("00" * 32)


async def test_the_rejected_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("andon.opcua_bridge.adapters.trust._MOST_REJECTED", 1)
    trust, now = TrustList(tmp_path), datetime.now(UTC)
    trust.prepare()
    for name in ("rogue", "other"):
        with pytest.raises(CertificateRefused):
            trust.check(identity(name).der, now)
    assert len(trust.listed(CertificateState.REJECTED)) == 1
