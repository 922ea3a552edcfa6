"""The direct way for what analytics clients post: ahead of the framework, which would cost more than the work."""

from collections.abc import Iterable
from time import perf_counter

from fastapi import Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.middleware import is_cross_origin
from app.api.observation import REQUEST_ID_HEADER, Observer, bind_request_id
from app.api.plain_routes import PlainRoute
from app.api.problems import OnCrash, OnRefusal
from app.errors import LeadscoreError


class DirectMiddleware:
    """Answers posts to these routes itself, and passes everything else on.

    Requests from other origins, and to paths with surplus slashes, reach the same routes through the middleware.
    """

    def __init__(
        self, app: ASGIApp, routes: Iterable[PlainRoute], observer: Observer, on_refusal: OnRefusal, on_crash: OnCrash
    ) -> None:
        self.app = app
        self.routes = {route.path: route for route in routes if "POST" in (route.methods or ())}
        self.observer = observer
        self.on_refusal = on_refusal
        self.on_crash = on_crash

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self.routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
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

    async def _response(self, route: PlainRoute, request: Request) -> Response:
        try:
            return await route.receive(request)
        except LeadscoreError as error:
            return await self.on_refusal(request, error)
        except Exception as error:  # noqa: BLE001 -- on_crash logs it
            return self.on_crash(request, error)
