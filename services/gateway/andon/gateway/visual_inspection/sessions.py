"""Who is signed in where: one's own sessions, everybody's for admins."""

from fastapi import APIRouter

from andon.contracts import Forbidden, NotFound, auth
from andon.contracts.auth import Kind, Permission
from andon.gateway.context import Here
from andon.gateway.errors import may
from andon.gateway.principal import SignedIn
from andon.security import Principal

routes = APIRouter(prefix="/sessions", tags=["auth"])


@routes.get("", responses=may(503))
async def sessions(who: SignedIn, here: Here) -> auth.OpenSessions:
    """Sessions that may still be refreshed, the one refreshed last first."""
    return await here.bus.ask(auth.OPEN_SESSIONS, auth.ListSessions(user_id=_whose(who)))


@routes.delete("/{id}", responses=may(404, 503))
async def end(id: str, who: SignedIn, here: Here) -> auth.SessionEnded:  # noqa: A002 - its name in the API
    """End a session: its tokens are refused at every gateway within a second."""
    found = await here.bus.ask(auth.OPEN_SESSIONS, auth.ListSessions(user_id=_whose(who)))
    if id not in {each.id for each in found.sessions}:
        raise NotFound("There is no such session, or it has ended.")
    ended = await here.bus.ask(auth.LOGOUT, auth.Logout(session_id=id))
    here.door.end(id)
    return ended


def _whose(who: Principal) -> str | None:
    """None, which is everybody's, for admins."""
    if who.kind is not Kind.USER:
        raise Forbidden("Sessions are seen and ended by people who are signed in.")
    return None if Permission.MANAGE_USERS in who.permissions else who.id
