"""What wraps every request, from the outermost middleware to the innermost; `app.main` puts them in this order."""

import re
from time import perf_counter
from typing import Any
from urllib.parse import unquote

from fastapi import Request
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.observation import REQUEST_ID, REQUEST_ID_HEADER, Observer, bind_request_id
from app.api.paths import is_ingestion, is_screen, without_last_slash
from app.api.problems import OnCrash
from app.validation.origins import is_allowed

DAY_S = 86_400
SLASHES = re.compile(rb"/{2,}")


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

    def __init__(self, app: ASGIApp, observer: Observer) -> None:
        self.app = app
        self.observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = perf_counter(), 500
        request_id = bind_request_id(scope)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (REQUEST_ID_HEADER, request_id)]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            self.observer.report(scope, status, perf_counter() - started)


class CrossOriginMiddleware:
    """Lets any page call the paths of ingestion, and only pages of the listed origins call the others.

    Except for the screen, which has a cookie: no other page may read it.
    """

    def __init__(self, app: ASGIApp, origins: list[str]) -> None:
        self.app = app
        self.any_origin = _cors(app, allow_origin_regex=".*")
        self.listed_origins = _cors(app, ListedOrigins, allow_origins=origins) if origins else app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_cross_origin(scope) or is_screen(scope["path"]):
            await self.app(scope, receive, send)
        elif is_ingestion(scope["path"]):
            await self.any_origin(scope, receive, send)
        else:
            await self.listed_origins(scope, receive, send)


def is_cross_origin(scope: Scope) -> bool:
    return any(name == b"origin" for name, _ in scope["headers"])


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

    def __init__(self, app: ASGIApp, on_crash: OnCrash) -> None:
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
