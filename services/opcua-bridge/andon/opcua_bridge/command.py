"""`andon opcua`: who is connected to the OPC UA servers, and whom they trust."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from andon.contracts import BadRequest, Problem, Unavailable, raised
from andon.contracts.opcua import CertificateState, CertificateUse

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Clients of the OPC UA servers, and whom they trust."
)

_HERE = "http://127.0.0.1:8080"
_SECONDS = 15.0
_BAD = 400
_SHORTEST = 4
_CODES = {400: "bad_request", 401: "unauthorised", 403: "forbidden", 404: "not_found", 422: "invalid"}

Url = Annotated[str, typer.Option(envvar="ANDON_URL", help="Where the gateway is.")]
Key = Annotated[
    str, typer.Option(envvar="ANDON_KEY", help="A key of POST /api/v1/keys, of an administrator.")
]
Use = Annotated[CertificateUse, typer.Option(help="What the certificate is good for.")]
User = Annotated[str | None, typer.Option(help="Id of the user who signs in with it; with --use user.")]
Which = Annotated[str, typer.Argument(help="Its fingerprint, or what that begins with.")]


@app.command()
def status(url: Url = _HERE, key: Key = "") -> None:
    """Servers with their load, and who is connected."""
    for server in _ask("GET", "/servers", url, key)["servers"]:
        typer.echo(
            f"{server['endpoint']}  {server['group'] or 'only server'}  stations {len(server['stations'])}  "
            f"service level {server['service_level']}  lag {server['lag_ms']} ms  refused {server['refused']}"
        )
        for session in server["sessions"]:
            typer.echo(
                f"  {session['user'] or 'anonymous':<20} {session['address']:<16} {session['policy']:<22} "
                f"{session['items']} items  {session['application']}"
            )


@app.command("list")
def list_certificates(
    state: Annotated[CertificateState | None, typer.Option(help="Only these.")] = None,
    url: Url = _HERE,
    key: Key = "",
) -> None:
    """Certificates, trusted and rejected."""
    for each in _certificates(url, key, state):
        typer.echo(
            f"{each['fingerprint'][:16]}  {each['state']:<9} {each['use']:<10} "
            f"until {each['not_after'][:10]}  {each['subject']}  {each['application_uri']}".rstrip()
        )


@app.command()
def trust(
    certificate: Annotated[
        str, typer.Argument(help="A file (PEM or DER), or the fingerprint of a rejected one.")
    ],
    use: Use = CertificateUse.CLIENT,
    user: User = None,
    url: Url = _HERE,
    key: Key = "",
) -> None:
    """Let a client, what an authority signed, or a person in."""
    body: dict[str, Any] = {"use": use.value, "user_id": user}
    path = Path(certificate)
    if path.is_file():
        done = _ask("POST", "/certificates", url, key, {**body, "certificate": _text(path)})
    else:
        found = _found(certificate, url, key)
        done = _ask("POST", f"/certificates/{found}/trust", url, key, body)
    typer.echo(f"trusted as {done['use']}: {done['subject']} ({done['fingerprint'][:16]})")


@app.command()
def reject(fingerprint: Which, url: Url = _HERE, key: Key = "") -> None:
    """Trust a certificate no more; sessions that came with it end."""
    done = _ask("POST", f"/certificates/{_found(fingerprint, url, key)}/reject", url, key)
    typer.echo(f"rejected: {done['subject']} ({done['fingerprint'][:16]})")


@app.command()
def delete(fingerprint: Which, url: Url = _HERE, key: Key = "") -> None:
    """Forget a certificate."""
    done = _ask("DELETE", f"/certificates/{_found(fingerprint, url, key)}", url, key)
    typer.echo(f"forgotten: {done['fingerprint'][:16]}")


def _certificates(url: str, key: str, state: CertificateState | None = None) -> list[dict[str, Any]]:
    query = f"?state={state.value}" if state else ""
    return _ask("GET", f"/certificates{query}", url, key)["certificates"]


def _found(start: str, url: str, key: str) -> str:
    matching = [each["fingerprint"] for each in _certificates(url, key)]
    matching = [each for each in matching if each.startswith(start.lower())]
    if len(start) < _SHORTEST or len(matching) != 1:
        raise BadRequest(f"{start}: neither a file nor the beginning of one certificate's fingerprint")
    return matching[0]


def _text(path: Path) -> str:
    import base64  # noqa: PLC0415 - only here

    content = path.read_bytes()
    return content.decode() if b"-----BEGIN" in content else base64.b64encode(content).decode()


def _ask(method: str, path: str, url: str, key: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    import httpx  # noqa: PLC0415 - `andon --help` needs no HTTP

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = httpx.request(
            method, f"{url.rstrip('/')}/api/v1/opcua{path}", headers=headers, json=body, timeout=_SECONDS
        )
    except httpx.HTTPError as error:
        raise Unavailable(f"{url} does not answer: {error}") from error
    found = answer.json() if answer.headers.get("content-type", "").startswith("application/json") else {}
    if answer.status_code >= _BAD:
        code = _CODES.get(answer.status_code, "unavailable")
        detail = found.get("detail") or answer.reason_phrase
        raise raised(Problem(code=code, status=answer.status_code, message=str(detail)))
    return found
