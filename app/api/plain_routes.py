"""Routes whose endpoint is handed the request as it is."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]


class PlainRoute(APIRoute):
    """Documented like any other route, but FastAPI does nothing to its requests and answers.

    What it would do (parse, solve dependencies, serialise) costs as much as all that we do.
    """

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(path, endpoint, tags=["ingestion"], **options)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            response = await endpoint(Request(scope, receive))
            await response(scope, receive, send)

        self.app = serve
