"""Signing in with a key or with a link, and signing out."""

import re
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from app.api.access import CurrentRuntime
from app.errors import InsufficientScope, InvalidKey
from app.screen.cookies import clear_token, is_secure, read_token, set_token
from app.screen.pages import render
from app.screen.routes import ScreenRoute
from app.services.sign_ins import redeem_link, sign_in_with_key, sign_out

FIRST_PAGE = "leads"
OWN_PAGE = re.compile(r"[a-z][\w/-]*(\?[^\s\\#]*)?", re.ASCII)
"""A page of the screen, relative to `/ui/`: no other site, and nothing above."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")

router = APIRouter(route_class=ScreenRoute)


def safe_next(wanted: str) -> str:
    return wanted if OWN_PAGE.fullmatch(wanted) else FIRST_PAGE


@router.get("/sign-in")
async def show_sign_in(request: Request, wanted: Annotated[str, Query(alias="next")] = FIRST_PAGE) -> Response:
    return _form(request, wanted)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    runtime: CurrentRuntime,
    key: Annotated[str, Form()] = "",
    wanted: Annotated[str, Form(alias="next")] = FIRST_PAGE,
) -> Response:
    try:
        found = await runtime.keys.recognise(key.strip())
        token = await sign_in_with_key(runtime.database, found, runtime.clock())
    except InvalidKey:
        return _form(request, wanted, 401, "This key is unknown or revoked: paste all of it, from `ls_` on.")
    except InsufficientScope as error:
        return _form(request, wanted, 403, error.detail)
    answer = RedirectResponse(safe_next(wanted), HTTPStatus.SEE_OTHER)
    set_token(request, answer, token)
    return answer


@router.get("/sign-in/{link}")
async def show_link(request: Request, link: str) -> Response:
    """A button, so that a program that previews links does not use the link up."""
    return render(request, "sign_in_link.html", link=link, error=None)


@router.post("/sign-in/{link}")
async def redeem(request: Request, runtime: CurrentRuntime, link: str) -> Response:
    token = await redeem_link(runtime.database, link, runtime.clock())
    if token is None:
        error = "This link has been used, or is older than 10 minutes: run `leadscore sign-in` for another."
        return render(request, "sign_in_link.html", 401, link=link, error=error)
    answer = RedirectResponse(f"../{FIRST_PAGE}", HTTPStatus.SEE_OTHER)
    set_token(request, answer, token)
    return answer


@router.post("/sign-out")
async def end(request: Request, runtime: CurrentRuntime) -> Response:
    token = read_token(request)
    if token:
        await sign_out(runtime.database, token)
    answer = RedirectResponse("sign-in", HTTPStatus.SEE_OTHER)
    clear_token(answer)
    return answer


def _form(request: Request, wanted: str, status: int = 200, error: str | None = None) -> Response:
    is_exposed = not is_secure(request) and request.url.hostname not in LOOPBACK
    return render(request, "sign_in.html", status, wanted=safe_next(wanted), error=error, is_exposed=is_exposed)
