"""The application without a socket: a client that calls it, a clock that tests set, and a key of each kind."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import text

from app.main import create_app
from app.scoring.document import ScoringModel
from app.services.keys import create_key
from app.services.models import starter
from app.services.publishing import activate
from app.services.runtime import Runtime
from app.settings import Settings
from app.storage.keys import KEY_KINDS, KeyKind
from tests.services.harness import Clock

PAGE = "https://www.example.com"
"""The origin of the page that calls, where one does."""


@dataclass
class Api:
    """One running application. `keys` holds a secret of each kind."""

    app: FastAPI
    client: AsyncClient
    clock: Clock
    keys: dict[KeyKind, str] = field(default_factory=dict)

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self.app.state.runtime
        return runtime

    async def new_key(self, kind: KeyKind, **more: Any) -> str:
        made = await create_key(self.runtime.database, kind, f"{kind}-{uuid4().hex[:8]}", self.clock.now, **more)
        return made.secret

    def bearer(self, kind: KeyKind) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[kind]}"}

    async def send(self, path: str, document: Any, *, key: str | None = None, **headers: str) -> Response:
        """Ingest: post a document as JSON, by default with the write key as the Basic user."""
        return await self.post(path, json.dumps(document).encode(), key=key, **headers)

    async def post(self, path: str, body: bytes, *, key: str | None = None, **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        auth = (key or self.keys["write"], "")
        return await self.client.post(path, content=body, headers=named, auth=auth)

    async def batch(self, *messages: Any, key: str | None = None, **envelope: Any) -> Response:
        return await self.send("/v1/batch", {"batch": list(messages), **envelope}, key=key)

    async def ask(self, path: str, kind: KeyKind = "read", /, **params: Any) -> Response:
        return await self.client.get(path, headers=self.bearer(kind), params=params or None)

    async def do(self, path: str, document: Any, kind: KeyKind = "admin", /, **params: Any) -> Response:
        """Ask for what a document says, as JSON."""
        body = json.dumps(document).encode()
        headers = self.bearer(kind) | {"Content-Type": "application/json"}
        return await self.client.post(path, content=body, headers=headers, params=params or None)

    async def draft(self, document: Any) -> int:
        """Keep a scoring model as a draft, which has to succeed. Gives its version."""
        answer = await self.do("/v1/models", document)
        assert answer.status_code == 201, answer.text
        version: int = answer.json()["version"]
        return version

    async def publish(self, version: int, notify: str = "none") -> Any:
        """Make a version the active model, which has to succeed. Gives the rollout."""
        answer = await self.do(f"/v1/models/{version}/publish", {"notify": notify})
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def told(self, path: str, **params: Any) -> Any:
        """What a question is answered with, which has to be 200."""
        answer = await self.ask(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def lead(self, **identity: str) -> Any:
        return await self.told("/v1/leads/lookup", **identity)

    async def events(self, **identity: str) -> list[Any]:
        """What a person did, the latest first."""
        lead = await self.lead(**identity)
        events: list[Any] = (await self.told(f"/v1/leads/{lead['id']}/events", limit=200))["data"]
        return events

    async def rejections(self) -> list[Any]:
        rejections: list[Any] = (await self.told("/v1/rejections"))["data"]
        return rejections


@cache
def starter_model() -> ScoringModel:
    """Read once a session, for it takes longer than most tests."""
    return starter()


@asynccontextmanager
async def running(url: str, clock: Clock | None = None, *, working: bool = True, **settings: Any) -> AsyncIterator[Api]:
    """The application within its lifespan, on a migrated database; without its workers if it is not `working`."""
    clock = clock or Clock()
    quiet: dict[str, Any] = {"sweep_interval_s": 3_600, "pool_size": 4, "database_url": url}
    app = create_app(Settings(**(quiet | settings)), clock)
    await activate(app.state.runtime.database, starter_model(), clock)
    async with (
        app.router.lifespan_context(app) if working else _without_workers(app),
        AsyncClient(transport=ASGITransport(app), base_url="http://leadscore.test") as client,
    ):
        api = Api(app, client, clock)
        for kind in KEY_KINDS:
            api.keys[kind] = await api.new_key(kind)
        yield api


@asynccontextmanager
async def _without_workers(app: FastAPI) -> AsyncIterator[None]:
    await app.state.runtime.start()
    yield
    await app.state.runtime.stop()


def small_model(**changes: Any) -> dict[str, Any]:
    """A document to draft: whoever asks for a demo is hot."""
    score = {"bands": {"high": 10, "low": 0}, "rules": {"demo": {"signal": "demo", "points": 10}}}
    document = {
        "name": "small",
        "signals": {"demo": {"on": ["Demo Requested"]}},
        "scores": {"interest": score},
        "stages": [
            {"name": "visitor"},
            {"name": "hot", "when": {"score": "interest", "gte": 10}, "sales_ready": True},
        ],
        "examples": [{"name": "a demo", "given": [{"event": "Demo Requested"}], "expect": {"stage": "hot"}}],
    }
    return document | changes


def track(event: str = "Demo Requested", **fields: Any) -> dict[str, Any]:
    """A message of user u1 with an id of its own."""
    return {"type": "track", "event": event, "userId": "u1", "messageId": str(uuid4())} | fields


def page_view(path: str = "/pricing", **fields: Any) -> dict[str, Any]:
    return {
        "type": "page",
        "anonymousId": "a1",
        "context": {"page": {"path": path}},
        "messageId": str(uuid4()),
    } | fields


async def break_schema(api: Api, table: str = "events") -> None:
    """Bring about a fault that is no refusal: a table is gone while the application runs."""
    async with api.runtime.database.write() as connection:
        await connection.execute(text(f"ALTER TABLE {table} RENAME TO gone"))


async def until(holds: Callable[[], bool]) -> None:
    """Let others work until something holds, for at most about 10 seconds."""
    for _ in range(10_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    pytest.fail("it never came about")


def assert_problem(answer: Response, status: int, code: str) -> dict[str, Any]:
    """The answer is the problem document of this code, whole."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:leadscore:problem:{code}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"].endswith(".") or document.get("errors")
    return document


def assert_refused(answer: Response, status: int, code: str) -> dict[str, Any]:
    """A problem with what analytics clients look for beside it, all of it text."""
    document = assert_problem(answer, status, code)
    assert document["success"] is False
    assert document["code"] == code
    assert document["message"] == document["error"] == document["detail"]
    return document


def accepted(answer: Response) -> tuple[int, int]:
    """How many messages were accepted, and how many were duplicates, of an answer that refuses none."""
    assert answer.status_code == 200, answer.text
    document: Mapping[str, Any] = answer.json()
    assert set(document) == {"success", "accepted", "duplicates"}, document
    assert document["success"] is True
    return document["accepted"], document["duplicates"]
