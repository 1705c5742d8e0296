"""Signing in and out."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, StringConstraints

from andon.contracts import Forbidden, auth
from andon.contracts.auth import Kind, Permission
from andon.gateway.context import Here
from andon.gateway.errors import may
from andon.gateway.principal import SignedIn
from andon.gateway.visual_inspection.views import TokensView, UserView, tokens_view, user_view

routes = APIRouter(prefix="/auth", tags=["auth"])
public = APIRouter(tags=["auth"])

Short = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class Credentials(BaseModel):
    username: Short
    """Name or e-mail."""
    password: Short


class RefreshBody(BaseModel):
    refresh_token: Token


class LogoutBody(BaseModel):
    refresh_token: Token | None = None


class Outcome(BaseModel):
    status: str


class MeView(UserView):
    kind: Kind
    """user or key; a key has its name as user name, and no roles."""
    permissions: list[Permission]


class KeySetView(BaseModel):
    keys: list[dict[str, Any]]


@routes.post("/login", responses=may(401))
async def login(body: Credentials, request: Request, here: Here) -> TokensView:
    """Open a session with name (or e-mail) and password."""
    address = request.client.host if request.client else ""
    question = auth.Login(username=body.username, password=body.password, address=address)
    return tokens_view(await here.bus.ask(auth.LOGIN, question, timeout=10))


@routes.post("/refresh", responses=may(401))
async def refresh(body: RefreshBody, here: Here) -> TokensView:
    """Trade a refresh token for a new pair; each is good once."""
    return tokens_view(await here.bus.ask(auth.REFRESH, auth.Refresh(refresh_token=body.refresh_token)))


@routes.post("/logout")
async def logout(principal: SignedIn, here: Here, body: LogoutBody | None = None) -> Outcome:
    """End the session: its access and refresh tokens are refused from now on."""
    if principal.kind is not Kind.USER:
        raise Forbidden("A key has no session: revoke it at /api/v1/keys.")
    named = body.refresh_token if body else None
    ended = await here.bus.ask(auth.LOGOUT, auth.Logout(session_id=principal.session_id, refresh_token=named))
    here.door.end(ended.session_id)
    return Outcome(status="signed out")


@routes.get("/me", responses=may(404))
async def me(principal: SignedIn, here: Here) -> MeView:
    """Who is signed in, and what they may do."""
    if principal.kind is Kind.USER:
        user = user_view(await here.bus.ask(auth.USER, auth.GetUser(id=principal.id)))
    else:
        user = UserView(id=principal.id, username=principal.username, email=None, roles=[])
    return MeView(**user.model_dump(), kind=principal.kind, permissions=sorted(principal.permissions))


@public.get("/.well-known/jwks.json", responses=may(503))
async def jwks(here: Here, response: Response) -> KeySetView:
    """The public keys (RFC 7517) by which anyone can verify access tokens. Needs no token."""
    keys = await here.door.public_keys()
    response.headers["Cache-Control"] = "public, max-age=300"
    return KeySetView(keys=list(keys))
