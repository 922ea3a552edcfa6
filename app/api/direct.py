"""The direct way for what clients send and ask most: ahead of the framework, which would cost more than the work."""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import NamedTuple

from fastapi import Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.middleware import is_cross_origin
from app.api.observation import REQUEST_ID_HEADER, Observer, bind_request_id
from app.api.plain_routes import Endpoint, PlainRoute
from app.api.problems import OnCrash, OnRefusal
from app.errors import LeadscoreError


class DirectRoute(NamedTuple):
    """What answers one request. `path`: that of the route which documents it, for the log and the metrics."""

    path: str
    receive: Endpoint


Match = Callable[[Scope], DirectRoute | None]
"""Finds the route of a GET, if it is to be answered directly."""


class DirectMiddleware:
    """Answers posts to these routes itself, and the reads that `match` finds, and passes everything else on.

    Requests from other origins, and to paths with surplus slashes, reach the same routes through the middleware.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Iterable[PlainRoute],
        match: Match,
        observer: Observer,
        on_refusal: OnRefusal,
        on_crash: OnCrash,
    ) -> None:
        self.app = app
        posts = [route for route in routes if "POST" in (route.methods or ())]
        self.posts = {route.path: DirectRoute(route.path, route.receive) for route in posts}
        self.match = match
        self.observer = observer
        self.on_refusal = on_refusal
        self.on_crash = on_crash

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._route(scope)
        if route is None or is_cross_origin(scope):
            await self.app(scope, receive, send)
            return
        started, status = perf_counter(), 500
        scope["route"] = route
        request_id = bind_request_id(scope)
        try:
            response = await self._response(route, Request(scope, receive))
            response.raw_headers.append((REQUEST_ID_HEADER, request_id))
            status = response.status_code
            await response(scope, receive, send)
        finally:
            self.observer.report(scope, status, perf_counter() - started)

    def _route(self, scope: Scope) -> DirectRoute | None:
        if scope["type"] != "http":
            return None
        if scope["method"] == "POST":
            return self.posts.get(scope["path"])
        return self.match(scope) if scope["method"] == "GET" else None

    async def _response(self, route: DirectRoute, request: Request) -> Response:
        try:
            return await route.receive(request)
        except LeadscoreError as error:
            return await self.on_refusal(request, error)
        except Exception as error:  # noqa: BLE001 -- on_crash logs it
            return self.on_crash(request, error)
