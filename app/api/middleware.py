"""Around every request: its id, its log line and its time; cross-origin rules; and no crash without an answer."""

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
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from app.api.paths import PROBES, is_ingestion, without_last_slash
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


class ObservationMiddleware:
    """Gives each request an id, and tells the log and the metrics how it went."""

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
            self._tell(scope, status, perf_counter() - started)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        self.metrics.requests.labels(scope["method"], route, str(status)).observe(seconds)
        # A message that was accepted is no news, for the metrics count it; nor is a probe that found all well.
        quiet = is_ingestion(scope["path"]) or scope["path"] in PROBES
        tell = log.debug if status == HTTPStatus.OK and quiet else log.info
        refusal = {name: scope[name] for name in ("problem", "reason") if scope.get(name)}
        tell("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 2), **refusal)


def _request_id(scope: Scope) -> str:
    client_id = next((value for name, value in scope["headers"] if name == REQUEST_ID_HEADER), b"")
    usable = 0 < len(client_id) <= MAX_REQUEST_ID_LENGTH and client_id.replace(b"-", b"").isalnum()
    return client_id.decode() if usable else uuid7().hex


class SingleSlashMiddleware:
    """Reads several slashes in a row as one, unless they are escaped: clients put `https://…/` and `/v1/…` together.

    A slash behind the path of an ingestion route is dropped, since a redirect would lose what was sent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw_path = scope.get("raw_path", b"") if scope["type"] == "http" else b""
        if b"//" in raw_path or (raw_path.endswith(b"/") and without_last_slash(scope["path"]) != scope["path"]):
            scope["raw_path"] = raw_path = SLASHES.sub(b"/", raw_path)
            scope["path"] = unquote(raw_path.decode())
            if raw_path.endswith(b"/"):
                scope["path"] = without_last_slash(scope["path"])
        await self.app(scope, receive, send)


class HeadAsGetMiddleware:
    """Answers HEAD like GET, as HTTP has it: the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}  # a copy, for by the original the server knows to leave the body out
        try:
            await self.app(as_get, receive, send)
        finally:
            scope["route"] = as_get.get("route")


class CrossOriginMiddleware:
    """Lets any page call the paths that ingest, and none the others save those of the origins that are named."""

    def __init__(self, app: ASGIApp, origins: list[str]) -> None:
        self.app = app
        self.open = _cross_origin(app, allow_origin_regex=".*")
        self.closed = _cross_origin(app, ListedOrigins, allow_origins=origins) if origins else app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        crosses = scope["type"] == "http" and any(name == b"origin" for name, _ in scope["headers"])
        if not crosses:
            await self.app(scope, receive, send)
        elif is_ingestion(scope["path"]):
            await self.open(scope, receive, send)
        else:
            await self.closed(scope, receive, send)


class ListedOrigins(CORSMiddleware):
    """Origins as an allow-list has them: some stand for all their subdomains."""

    def is_allowed_origin(self, origin: str) -> bool:
        return is_allowed(origin, self.allow_origins)


def _cross_origin(app: ASGIApp, kind: type[CORSMiddleware] = CORSMiddleware, **which: Any) -> ASGIApp:
    return kind(
        app,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        allow_credentials=True,  # a beacon preflights in credentials mode, for which `*` does not do
        expose_headers=["Retry-After", REQUEST_ID],
        max_age=DAY_S,
        **which,
    )


class DirectMiddleware:
    """Hands what analytics clients send straight to its route, past all that FastAPI does for other routes."""

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


class CrashMiddleware:
    """Answers for what crashes within, so that the answer still passes through the middleware around it."""

    def __init__(self, app: ASGIApp, on_crash: Callable[[Request, Exception], Response]) -> None:
        self.app = app
        self.on_crash = on_crash

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_noting(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            await self.on_crash(Request(scope), error)(scope, receive, send)
