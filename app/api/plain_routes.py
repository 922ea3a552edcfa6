"""Routes whose handler receives the request unparsed."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]


class PlainRoute(APIRoute):
    """Documented like any other route, but FastAPI parses no request, solves no dependencies and serialises no answer.

    That would cost as much as everything that we do with a message.
    """

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(path, endpoint, tags=["ingestion"], **options)
        self.receive = endpoint
        self.app = self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.receive(Request(scope, receive))
        await response(scope, receive, send)
