"""Who is looking at the screen: a browser that is signed in, or a user that a trusted proxy names.

A key in a header counts for nothing here, just as the cookie counts for nothing under `/v1`.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.api.access import runtime_of
from app.api.client_addresses import is_in, peer_address
from app.errors import InsufficientScope
from app.screen.cookies import read_token
from app.services.sign_ins import SignInKind, find_sign_in
from app.settings import Settings

MAX_USER_LENGTH = 200


class NotSignedIn(Exception):
    """Nobody is signed in, or no longer: the answer leads to the sign-in page and back."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """`can_sign_out`: whether the sign-in is ours to end, and not the proxy's."""

    name: str
    kind: SignInKind
    can_sign_out: bool

    @property
    def is_admin(self) -> bool:
        return self.kind == "admin"


async def viewer_of(request: Request) -> Viewer:
    """Raises `NotSignedIn`."""
    runtime = runtime_of(request)
    if user := user_from_proxy(request, runtime.settings):
        return Viewer(user, "admin" if user in runtime.settings.screen_admins else "read", can_sign_out=False)
    token = read_token(request)
    sign_in = await find_sign_in(runtime.database, token, runtime.clock()) if token else None
    if sign_in is None:
        raise NotSignedIn
    return Viewer(sign_in.name, sign_in.kind, can_sign_out=True)


CurrentViewer = Annotated[Viewer, Depends(viewer_of)]


async def admin_of(viewer: CurrentViewer) -> Viewer:
    """Raises `InsufficientScope` unless the viewer is an admin."""
    if not viewer.is_admin:
        raise InsufficientScope("Only an admin can do this: sign in with an admin key.")
    return viewer


AdminViewer = Annotated[Viewer, Depends(admin_of)]


def user_from_proxy(request: Request, settings: Settings) -> str | None:
    """The user in the configured header, if the peer is a trusted proxy and names exactly one."""
    peer = peer_address(request)
    if settings.screen_user_header is None or peer is None or not is_in(peer, settings.trusted_proxies):
        return None
    users = request.headers.getlist(settings.screen_user_header)
    user = users[0].strip() if len(users) == 1 else ""
    return user if 0 < len(user) <= MAX_USER_LENGTH else None
