"""The baselines over HTTP: FastAPI endpoints that only validate the same body, or that answer with a constant."""

from datetime import datetime
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import Response
from pydantic import BaseModel


class Track(BaseModel):
    userId: str  # noqa: N815 - the names that clients send
    messageId: str  # noqa: N815
    event: str
    timestamp: datetime
    sentAt: datetime  # noqa: N815
    properties: dict[str, Any]
    context: dict[str, Any]


class Accepted(BaseModel):
    success: bool
    accepted: int
    duplicates: int


def create_baseline() -> FastAPI:
    app = FastAPI()

    @app.post("/v1/track")
    async def track(message: Track) -> Accepted:
        return Accepted(success=bool(message.event), accepted=1, duplicates=0)

    @app.get("/constant/{size}")
    async def constant(size: int) -> Response:
        return Response(b"x" * size)

    return app


def main(port: int) -> None:
    uvicorn.run(create_baseline(), port=port, loop="uvloop", http="httptools", log_level="warning", access_log=False)
