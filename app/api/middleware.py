"""What wraps every request, from the outermost middleware to the innermost; `app.main` puts them in this order."""

import re
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from time import perf_counter
from typing import Any
from urllib.parse import unquote

import structlog
from fastapi import Request
from fastapi.responses import Response
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from app.api.paths import PROBES, is_ingestion, is_screen, without_last_slash
from app.errors import LeadscoreError
from app.metrics import Metrics
from app.validation.origins import is_allowed

log = structlog.get_logger()

REQUEST_ID = "X-Request-Id"
REQUEST_ID_HEADER = REQUEST_ID.lower().encode()
MAX_REQUEST_ID_LENGTH = 64
DAY_S = 86_400
SLASHES = re.compile(rb"/{2,}")

OnError = Callable[[Request, Exception], Awaitable[Response]]


class SingleSlashMiddleware:
    """Treats several slashes in a row as one, unless escaped: clients join `https://…/` and `/v1/…`.

    A trailing slash is dropped from ingestion paths, where a redirect would lose the event.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw_path = scope.get("raw_path", b"") if scope["type"] == "http" else b""
        if b"//" in raw_path or raw_path.endswith(b"/"):
            path = unquote(SLASHES.sub(b"/", raw_path).decode())
            scope["path"] = without_last_slash(path) if raw_path.endswith(b"/") else path
        await self.app(scope, receive, send)


class ObservationMiddleware:
    """Gives each request an id, and reports it to the log and the metrics."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = perf_counter(), 500
        request_id = _request_id(scope)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (REQUEST_ID_HEADER, request_id.encode())]
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)  # of this request's own task
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            self._report(scope, status, perf_counter() - started)

    def _report(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        self.metrics.requests.labels(scope["method"], route, str(status)).observe(seconds)
        # Accepted messages and successful probes would flood the log; the metrics count them.
        quiet = is_ingestion(scope["path"]) or scope["path"] in PROBES
        write = log.debug if status == HTTPStatus.OK and quiet else log.info
        refusal = {name: scope[name] for name in ("problem", "reason") if scope.get(name)}
        write("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 2), **refusal)


def _request_id(scope: Scope) -> str:
    client_id = next((value for name, value in scope["headers"] if name == REQUEST_ID_HEADER), b"")
    usable = 0 < len(client_id) <= MAX_REQUEST_ID_LENGTH and client_id.replace(b"-", b"").isalnum()
    return client_id.decode() if usable else uuid7().hex


class CrossOriginMiddleware:
    """Lets any page call the paths of ingestion, and only pages of the listed origins call the others.

    Except for the screen, which has a cookie: no other page may read it.
    """

    def __init__(self, app: ASGIApp, origins: list[str]) -> None:
        self.app = app
        self.any_origin = _cors(app, allow_origin_regex=".*")
        self.listed_origins = _cors(app, ListedOrigins, allow_origins=origins) if origins else app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_cross_origin = scope["type"] == "http" and any(name == b"origin" for name, _ in scope["headers"])
        if not is_cross_origin or is_screen(scope["path"]):
            await self.app(scope, receive, send)
        elif is_ingestion(scope["path"]):
            await self.any_origin(scope, receive, send)
        else:
            await self.listed_origins(scope, receive, send)


class ListedOrigins(CORSMiddleware):
    """CORS for an allow-list, in which an origin may cover all its subdomains."""

    def is_allowed_origin(self, origin: str) -> bool:
        return is_allowed(origin, self.allow_origins)


def _cors(app: ASGIApp, kind: type[CORSMiddleware] = CORSMiddleware, **which: Any) -> ASGIApp:
    return kind(
        app,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        allow_credentials=True,  # beacons preflight in credentials mode, where `*` is not allowed
        expose_headers=["Retry-After", "RateLimit", "RateLimit-Policy", REQUEST_ID],
        max_age=DAY_S,
        **which,
    )


class ScreenCompressionMiddleware:
    """Compresses the screen's pages and files. Answers of the API are small, and proxies compress them if wanted."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.compressing = GZipMiddleware(app, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_compressed = scope["type"] == "http" and is_screen(scope["path"])
        await (self.compressing if is_compressed else self.app)(scope, receive, send)


class CrashMiddleware:
    """Answers uncaught exceptions here, so that the answer still passes through the middleware outside."""

    def __init__(self, app: ASGIApp, on_crash: Callable[[Request, Exception], Response]) -> None:
        self.app = app
        self.on_crash = on_crash

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_and_note_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_and_note_start)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            await self.on_crash(Request(scope), error)(scope, receive, send)


class HeadAsGetMiddleware:
    """Handles HEAD as GET, as HTTP requires; the server omits the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}  # a copy: the server looks at the original to omit the body
        try:
            await self.app(as_get, receive, send)
        finally:
            scope["route"] = as_get.get("route")


class DirectMiddleware:
    """Passes requests of analytics clients directly to their routes, skipping FastAPI's routing."""

    def __init__(self, app: ASGIApp, routes: Iterable[Route], on_refusal: OnError) -> None:
        self.app = app
        self.routes = {route.path: route for route in routes if "POST" in (route.methods or ())}
        self.on_refusal = on_refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self.routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if route is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = route
        try:
            await route.app(scope, receive, send)
        except LeadscoreError as error:
            answer = await self.on_refusal(Request(scope), error)
            await answer(scope, receive, send)
