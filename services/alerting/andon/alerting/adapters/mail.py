"""One mail to everybody a channel names."""

import asyncio
import socket
import ssl
from email.message import EmailMessage
from email.utils import format_datetime

from aiosmtplib import SMTP, SMTPException, SMTPRecipientsRefused

from andon.alerting.adapters.addresses import Guard, Undelivered
from andon.alerting.domain.notices import Digest
from andon.contracts.alerting import EmailTarget, Security


async def mail(
    guard: Guard, trust: ssl.SSLContext, target: EmailTarget, password: str | None, digest: Digest
) -> str | None:
    """None, or who was refused while others got it. Raises Undelivered."""
    address = await guard.vetted(target.host, target.port)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (address, target.port))
        client = SMTP(
            hostname=target.host,
            sock=connection,
            timeout=None,
            use_tls=target.security is Security.TLS,
            start_tls=target.security is Security.STARTTLS,
            tls_context=trust if target.security is not Security.NONE else None,
        )
        async with client:
            if target.user is not None:
                await client.login(target.user, password or "")
            refused, _ = await client.send_message(
                _message(target, digest), sender=target.sender, recipients=list(target.to)
            )
    except SMTPRecipientsRefused as error:
        told = "; ".join(f"{each.recipient}: {each.code} {each.message}" for each in error.recipients)
        raise Undelivered(f"every recipient was refused: {told}") from error
    except SMTPException as error:
        raise Undelivered(f"{target.host} refused it: {error}") from error
    except OSError as error:
        raise Undelivered(f"{target.host}:{target.port}: {error}") from error
    finally:
        connection.close()
    if refused:
        return "refused: " + "; ".join(f"{to}: {said.code} {said.message}" for to, said in refused.items())
    return None


def _message(target: EmailTarget, digest: Digest) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = digest.subject
    message["From"] = target.sender
    message["To"] = ", ".join(target.to)
    message["Date"] = format_datetime(digest.at)
    message["Message-ID"] = f"<{digest.id}@{target.sender.rsplit('@', 1)[1]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(digest.text)
    return message
