"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, StringConstraints

from andon.contracts import auth
from andon.gateway.context import Here
from andon.gateway.principal import SignedIn
from andon.gateway.visual_inspection.views import TokensView, UserView, tokens_view, user_view

routes = APIRouter(prefix="/auth", tags=["auth"])

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


@routes.post("/login")
async def login(body: Credentials, request: Request, here: Here) -> TokensView:
    """Open a session with name (or e-mail) and password."""
    address = request.client.host if request.client else ""
    question = auth.Login(username=body.username, password=body.password, address=address)
    return tokens_view(await here.bus.ask(auth.LOGIN, question, timeout=10))


@routes.post("/refresh")
async def refresh(body: RefreshBody, here: Here) -> TokensView:
    """Trade a refresh token for a new pair; each is good once."""
    return tokens_view(await here.bus.ask(auth.REFRESH, auth.Refresh(refresh_token=body.refresh_token)))


@routes.post("/logout")
async def logout(principal: SignedIn, here: Here, body: LogoutBody | None = None) -> Outcome:
    """End the session: its access and refresh tokens are refused from now on."""
    named = body.refresh_token if body else None
    ended = await here.bus.ask(auth.LOGOUT, auth.Logout(session_id=principal.session_id, refresh_token=named))
    here.door.end(ended.session_id)
    return Outcome(status="signed out")


@routes.get("/me")
async def me(principal: SignedIn, here: Here) -> UserView:
    """Who is signed in."""
    return user_view(await here.bus.ask(auth.USER, auth.GetUser(id=principal.id)))
