"""What the fakes of vendors' APIs have in common: real HTTP servers on loopback, which fail when a test says so."""

import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

Next = Callable[[Request], Awaitable[Response]]


class Vendor:
    """A vendor's API. A subclass adds its routes to `app`, and its answers to missing keys and to too many requests."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.app.middleware("http")(self._answer)
        self.url = ""
        self.requests: list[str] = []
        """Method and path of each request, in order."""

        self.fails_at: tuple[int, bool] | None = None
        """The number of a request that breaks off, from 0, and whether it is carried out before."""

        self.limits_at: set[int] = set()
        """The numbers of requests that are over the rate limit."""

        self.retry_after_s = 0
        self.holds_at: int | None = None
        """The number of a request that is carried out but not answered until `release` is set."""

        self.held, self.release = Event(), Event()

    def is_authorized(self, request: Request) -> bool:
        raise NotImplementedError

    def unauthorized(self) -> Response:
        raise NotImplementedError

    def rate_limited(self) -> Response:
        raise NotImplementedError

    async def _answer(self, request: Request, call_next: Next) -> Response:
        number = len(self.requests)
        self.requests.append(f"{request.method} {request.url.path}")
        if number in self.limits_at:
            return self.rate_limited()
        if self.fails_at == (number, False):
            return Response("down", 500)
        if not self.is_authorized(request):
            return self.unauthorized()
        response = await call_next(request)
        if number == self.holds_at:
            self.held.set()
            self.release.wait(timeout=30)
        return Response("down", 500) if self.fails_at == (number, True) else response


def has_bearer(request: Request, token: str) -> bool:
    return request.headers.get("Authorization") == f"Bearer {token}"


def answer(status: int, body: Any, **headers: str) -> Response:
    return JSONResponse(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


@contextmanager
def listening(vendor: Vendor) -> Iterator[None]:
    """Serves it on a free port. The socket accepts connections at once, so that nobody waits for the server's start."""
    listener = socket.create_server(("127.0.0.1", 0))
    vendor.url = "http://{}:{}".format(*listener.getsockname())
    server = uvicorn.Server(uvicorn.Config(vendor.app, log_level="error", lifespan="off"))
    thread = Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield
    finally:
        vendor.release.set()
        server.should_exit = True
        thread.join()
        listener.close()
