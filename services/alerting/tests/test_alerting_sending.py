"""What leaves alerting, sent to real servers; and what must not leave."""

import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from alerting_receivers import LOOPBACK, Mailbox, Web, broker, mailbox, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from andon.alerting.adapters import Guard, NotifySettings, Safe, Sender, Undelivered
from andon.alerting.adapters.chat import wrong_url
from andon.alerting.adapters.webhook import new_secret, signature, wrong_secret
from andon.alerting.domain.notices import SHOWN, Digest, Told, composed
from andon.contracts.alerting import (
    AppriseTarget,
    ChannelBody,
    EmailTarget,
    MqttTarget,
    Security,
    Target,
    WebhookTarget,
)
from andon.runtime.embedded import free_ports
from andon.testing import build, eventually

# Apprise looks for a module that Python 3.13 has no more, and does without it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOME = (ip_network("127.0.0.0/8"),)
AT_HOME = Sender(NotifySettings(private_networks=HOME, timeout=2))
OUTSIDE = Sender(NotifySettings(timeout=2))


def digest(target: Target, count: int = 1) -> Digest:
    channel = ChannelBody(title="c", target=target)
    told = [Told("opened", build.alert(id=f"alert-{n}", title=f"Bad\n{n}")) for n in range(count)]
    return composed(channel, "message-1", told, count, NOON)


async def send(target: Target, secret: str | None = None, sender: Sender = AT_HOME, count: int = 1):
    return await sender.send(target, secret, digest(target, count))


@pytest.fixture
async def hook() -> AsyncIterator[Web]:
    async with web() as receiver:
        yield receiver


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as receiver:
        yield receiver


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("1.1.1.1", True),
        ("2606:4700:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:1.1.1.1", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_only_public_addresses_may_be_reached(address: str, allowed: bool) -> None:
    assert Guard().allows(ip_address(address)) is allowed


def test_the_operator_may_allow_a_network_of_the_plant() -> None:
    guard = Guard((ip_network("10.20.0.0/16"), ip_network("fd00::/8")))
    allowed = [
        guard.allows(ip_address(each)) for each in ("10.20.3.4", "::ffff:10.20.3.4", "fd00::1", "10.21.0.1")
    ]
    assert allowed == [True, True, True, False]


async def test_a_webhook_is_signed_so_that_its_receiver_can_check_it(hook: Web) -> None:
    secret = new_secret()
    await send(WebhookTarget(url=hook.url), secret)
    (request,) = hook.got
    assert request.headers["webhook-id"] == "message-1"
    seconds = int(request.headers["webhook-timestamp"])
    assert seconds == int(NOON.timestamp())
    assert request.headers["webhook-signature"] == signature(secret, "message-1", seconds, request.body)
    assert request.headers["webhook-signature"] != signature(new_secret(), "message-1", seconds, request.body)
    (alert,) = request.json["alerts"]
    assert (alert["change"], alert["id"], request.json["total"]) == ("opened", "alert-0", 1)


def test_the_signature_is_the_one_of_the_standard() -> None:
    # The example of https://github.com/standard-webhooks/standard-webhooks
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    found = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_webhook_into_the_own_network_is_refused(hook: Web) -> None:
    for host in (LOOPBACK, "localhost", "2130706433", "[::ffff:127.0.0.1]"):
        with pytest.raises(Undelivered):
            await send(WebhookTarget(url=f"http://{host}:{hook.port}/"), "s" * 16, OUTSIDE)
    assert hook.got == []


async def test_a_redirect_is_not_followed(hook: Web) -> None:
    async with web() as inside:
        hook.status, hook.location = 307, inside.url
        with pytest.raises(Undelivered, match="redirects are not followed"):
            await send(WebhookTarget(url=hook.url), "s" * 16)
        assert (len(hook.got), inside.got) == (1, [])


async def test_a_webhook_that_hangs_is_given_up_in_time(hook: Web) -> None:
    hook.status = 0
    sender = Sender(NotifySettings(private_networks=HOME, timeout=0.2))
    with pytest.raises(Undelivered, match=r"no answer within 0\.2 s"):
        await send(WebhookTarget(url=hook.url), "s" * 16, sender)


@pytest.mark.parametrize("status", [400, 410, 500, 503])
async def test_a_webhook_that_answers_an_error_did_not_take_it(hook: Web, status: int) -> None:
    hook.status = status
    with pytest.raises(Undelivered, match=f"it answered {status}"):
        await send(WebhookTarget(url=hook.url), "s" * 16)


async def test_nobody_there_is_said() -> None:
    (port,) = free_ports(1)
    with pytest.raises(Undelivered):
        await send(WebhookTarget(url=f"http://{LOOPBACK}:{port}/"), "s" * 16)
    with pytest.raises(Undelivered):
        await send(email(Mailbox(port)))
    with pytest.raises(Undelivered):
        await send(MqttTarget(host=LOOPBACK, port=port))


def test_a_secret_that_guesses_is_refused() -> None:
    assert [wrong_secret(each) is None for each in (new_secret(), "s" * 16, "short", "whsec_???")] == [
        True,
        True,
        False,
        False,
    ]


def email(box: Mailbox, **changes: object) -> EmailTarget:
    values = {
        "host": LOOPBACK,
        "port": box.port,
        "security": Security.NONE,
        "sender": "andon@plant.example",
        "to": ("olga@plant.example", "otto@plant.example"),
    }
    return EmailTarget.model_validate({**values, **changes})


async def test_a_mail_arrives_with_its_words(box: Mailbox) -> None:
    assert await send(email(box), count=2) is None
    (envelope,) = box.got
    assert (envelope.mail_from, envelope.rcpt_tos) == (
        "andon@plant.example",
        ["olga@plant.example", "otto@plant.example"],
    )
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert mail["Subject"] == "[Andon] 2 alerts, the worst warning: Bad 0"
    assert mail["Message-ID"] == "<message-1@plant.example>"
    assert "80 % of the last 50 parts passed" in mail.get_content()


async def test_a_mail_server_that_refuses_is_heard(box: Mailbox) -> None:
    box.refuse_all = "554 no alerts here"
    with pytest.raises(Undelivered, match="no alerts here"):
        await send(email(box))
    box.refuse = ("olga@plant.example", "otto@plant.example")
    with pytest.raises(Undelivered, match="no such mailbox"):
        await send(email(box))


async def test_one_refused_recipient_is_told_of(box: Mailbox) -> None:
    box.refuse = ("otto@plant.example",)
    complaint = await send(email(box))
    assert complaint is not None
    assert "otto@plant.example: 550 no such mailbox" in complaint
    assert box.got[0].rcpt_tos == ["olga@plant.example"]


async def test_a_mail_server_that_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        sender = Sender(NotifySettings(private_networks=HOME, timeout=0.3))
        with pytest.raises(Undelivered, match="no answer"):
            await send(email(Mailbox(silent.getsockname()[1])), sender=sender)


async def test_mail_into_the_own_network_is_refused(box: Mailbox) -> None:
    with pytest.raises(Undelivered, match="no public address"):
        await send(email(box), sender=OUTSIDE)
    assert box.got == []


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return cert, secret


async def test_a_password_goes_over_tls_to_who_the_certificate_names(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    asked: list[tuple[bytes, bytes]] = []

    def let_in(_server, _session, _envelope, _mechanism, data) -> object:
        from aiosmtpd.smtp import AuthResult  # noqa: PLC0415

        asked.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)

    async with mailbox(tls_context=context, authenticator=let_in, auth_required=True) as box:
        trusting = Sender(NotifySettings(private_networks=HOME, ca_file=cert, timeout=5))
        target = email(box, host="localhost", security=Security.STARTTLS, user="andon")
        await send(target, "right", trusting)
        assert asked == [(b"andon", b"right")]
        with pytest.raises(Undelivered):
            await send(target, "wrong", trusting)
        with pytest.raises(Undelivered):  # nobody we trust signed it
            await send(target, "right")
        with pytest.raises(Undelivered):  # it names localhost
            await send(email(box, security=Security.STARTTLS, user="andon"), "right", trusting)
        assert len(box.got) == 1


async def test_each_alert_goes_to_the_topic(tmp_path: Path) -> None:
    async with broker(tmp_path, "plant/#", lambda: free_ports(1)[0]) as there:
        target = MqttTarget(host=LOOPBACK, port=there.port, topic="plant/alerts", user="andon")
        await send(target, "secret", count=SHOWN + 5)
        await eventually(lambda: len(there.heard) == SHOWN + 1)
        assert {topic for topic, _ in there.heard} == {"plant/alerts"}
        assert there.heard[0][1]["title"] == "Bad\n0"
        assert (there.heard[-1][1]["change"], there.heard[-1][1]["total"]) == ("more", SHOWN + 5)
        with pytest.raises(Undelivered, match="refused us"):
            await send(target, "wrong")
        with pytest.raises(Undelivered, match="no public address"):
            await send(target, "secret", OUTSIDE)


async def test_a_chat_service_is_spoken_to_by_apprise(hook: Web) -> None:
    url = f"json://{LOOPBACK}:{hook.port}/chat"
    await send(AppriseTarget(), url)
    (request,) = hook.got
    assert (request.path, request.json["title"]) == ("/chat", "[Andon] warning: Bad 0")
    hook.status = 500
    with pytest.raises(Undelivered, match="did not take it"):
        await send(AppriseTarget(), url)
    with pytest.raises(Undelivered, match="no public address"):
        await send(AppriseTarget(), url, OUTSIDE)
    async with web() as inside:
        hook.status, hook.location = 307, inside.url
        with pytest.raises(Undelivered):
            await send(AppriseTarget(), url)
        assert inside.got == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "mailto://a:b@example.com",
        "syslog://",
        "exec://rm",
        "mqtt://h/t",
        "x",
        "slack://a",
    ],
)
def test_an_apprise_url_that_is_no_chat_service_is_refused(url: str) -> None:
    assert wrong_url(url)


def test_slack_and_its_like_are_taken() -> None:
    assert wrong_url("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#line") is None


async def test_secrets_are_sealed_for_their_channel_alone() -> None:
    safe = Safe(SecretStr("a long secret of the operator"))
    kept = await safe.sealed("hush", "mail")
    assert "hush" not in kept
    assert await safe.opened(kept, "mail") == "hush"
    for other, channel in ((safe, "hook"), (Safe(SecretStr("another one")), "mail")):
        with pytest.raises(Undelivered, match="sealed with another"):
            await other.opened(kept, channel)
    assert await Safe(SecretStr("")).sealed("hush", "mail") == "hush"
