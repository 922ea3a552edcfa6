"""Routes of the screen: what each of them refuses, the headers of each answer, and errors as pages.

Everything under `/ui` is one of these routes, unknown paths included.
"""

from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import structlog
from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers

from app.api.access import runtime_of
from app.api.bodies import MAX_JSON_BYTES, read_body
from app.api.problems import STATUS
from app.api.routes import query_parameters, unknown_parameters
from app.errors import LeadscoreError, Unavailable
from app.screen.links import path_with
from app.screen.pages import PART_HEADER, part_or_page, render, root_of
from app.screen.viewers import NotSignedIn, viewer_of
from app.validation.error_messages import error_message
from app.validation.faults import InvalidModel

log = structlog.get_logger()

Handler = Callable[[Request], Awaitable[Response]]

SAFE_METHODS = {"GET", "HEAD"}
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class ScreenRoute(APIRoute):
    """Refuses what other sites send and unknown parameters, limits bodies, shows errors as pages, and sets headers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = _strict(super().get_route_handler(), self.dependant)

        async def handle_securely(request: Request) -> Response:
            answer = await _answer(request, handle)
            for name, value in SECURITY_HEADERS.items():
                answer.headers.setdefault(name, value)
            return answer

        return handle_securely


def is_same_origin(headers: Headers) -> bool:
    """Whether the browser says that one of our own pages sends this. Browsers set both headers, and scripts can't.

    `Sec-Fetch-Site` is sent over TLS and to localhost; `Origin` comes with every POST.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    host = headers.get("host", "")
    return host != "" and headers.get("origin", "").partition("://")[2] == host


def _strict(handle: Handler, dependant: Dependant) -> Handler:
    """Refuses undeclared query parameters of pages that only viewers see; viewers alone learn which there are."""
    known = query_parameters(dependant)

    async def check_and_handle(request: Request) -> Response:
        if unknown := request.query_params.keys() - known:
            await viewer_of(request)
            raise unknown_parameters(unknown, known)
        return await handle(request)

    return check_and_handle if _depends_on_viewer(dependant) else handle


def _depends_on_viewer(dependant: Dependant) -> bool:
    return dependant.call is viewer_of or any(map(_depends_on_viewer, dependant.dependencies))


async def _answer(request: Request, handle: Handler) -> Response:
    is_safe = request.method in SAFE_METHODS
    if not is_safe and not is_same_origin(request.headers):
        return _problem(request, 403, "Another site sent this", "Open this page itself, and try again there.")
    if is_safe and (shorter := _without_blanks(request)) is not None:
        return shorter
    try:
        return await handle(request if is_safe else await _with_limited_body(request))
    except NotSignedIn:
        return _to_sign_in(request)
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer must have the security headers
        return _failure(request, error)


def _without_blanks(request: Request) -> Response | None:
    """The same page without parameters that are blank: a form sends those of its empty fields too."""
    pairs = request.query_params.multi_items()
    filled = [pair for pair in pairs if pair[1].strip()]
    return None if filled == pairs else RedirectResponse(f"?{urlencode(filled)}", HTTPStatus.SEE_OTHER)


def _failure(request: Request, error: Exception) -> Response:
    match error:
        case LeadscoreError():
            return _refusal(request, error)
        case InvalidModel():
            return _problem(request, 422, "Invalid model", "; ".join(map(str, error.faults)))
        case RequestValidationError():
            return _problem(request, 422, "Validation error", "; ".join(map(_fault, error.errors())))
        case _:
            log.error("request failed", exc_info=error)
            return _problem(request, 500, "Internal error", "The server's log has the details.")


async def _with_limited_body(request: Request) -> Request:
    """FastAPI itself would read a body of any length, from anybody."""
    body = await read_body(request, runtime_of(request).settings.body_timeout_s, MAX_JSON_BYTES)
    read = Request(request.scope, request.receive)
    read._body = body  # noqa: SLF001 - where Starlette caches a body
    return read


def _to_sign_in(request: Request) -> Response:
    """A part of a page makes the browser load the whole page again, which then leads to the sign-in page."""
    if PART_HEADER in request.headers:
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Refresh": "true"})
    if request.method not in SAFE_METHODS:
        return RedirectResponse(f"{root_of(request)}sign-in", HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"{root_of(request)}sign-in?next={quote(_below_root(request))}", HTTPStatus.SEE_OTHER)


def _refusal(request: Request, error: LeadscoreError) -> Response:
    retry_after_s = error.retry_after_s if isinstance(error, Unavailable) else None
    title = error.code.replace("-", " ").capitalize()
    answer = _problem(request, STATUS.get(type(error), 400), title, error.detail, retry_after_s)
    if isinstance(error, Unavailable):
        answer.headers["Retry-After"] = str(error.retry_after_s)
        request.scope["reason"] = error.reason  # for the log
    return answer


def _fault(found: Any) -> str:
    return f"{'.'.join(str(part) for part in found['loc'][1:])}: {error_message(found)}"


def _problem(request: Request, status: int, title: str, detail: str, retry_after_s: int | None = None) -> Response:
    """The problem alone where a part of a page was asked for, so that only this part fails."""
    request.scope["problem"] = title.lower().replace(" ", "-")  # for the log
    context = {
        "title": title,
        "detail": detail,
        "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
        "retry_after_s": retry_after_s,
        "again": _below_root(request) if request.method in SAFE_METHODS else "",
    }
    return render(request, part_or_page(request, "problem"), status, **context)


def _below_root(request: Request) -> str:
    """The requested page relative to `/ui/`."""
    return path_with(request.url.path.removeprefix("/ui/"), request)
