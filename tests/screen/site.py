"""The application with people in it on a real socket, for tests with a browser, which runs in this same process."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from app.main import create_app
from app.settings import Settings
from app.storage.keys import KeyKind
from tests import databases
from tests.api.server import make_keys
from tests.screen.demo import DEMO_NOW, add_work
from tests.screen.people import HOSTILE, people
from tests.services.harness import Clock

PREFIX = "/below/this"
"""Where the application is to be found too, as behind a proxy that strips a prefix."""


@dataclass(frozen=True)
class Site:
    """`ids`: of a job, a key and an account, for paths."""

    url: str
    keys: dict[KeyKind, str]
    ids: dict[str, str]

    def ask(self, path: str, **params: str) -> Any:
        answer = httpx.get(self.url + path, params=params, headers={"Authorization": f"Bearer {self.keys['read']}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def lead(self, email: str) -> str:
        """The path of a lead's page."""
        return f"/ui/leads/{self.ask('/v1/leads/lookup', email=email)['id']}"

    @property
    def hostile(self) -> list[str]:
        return [self.lead(f"h{number}@example.com") for number in range(len(HOSTILE))]


def _with_prefix(app: ASGIApp) -> ASGIApp:
    async def strip(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            bare = {"path": scope["path"][len(PREFIX) :], "raw_path": scope["raw_path"][len(PREFIX) :]}
            await app({**scope, **bare}, receive, send)
        else:
            await app(scope, receive, send)

    return strip


@contextmanager
def in_thread(app: ASGIApp) -> Iterator[str]:
    """The origin of an application that is served in a thread, until the context ends. Requests wait until it is up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", lifespan="on"))
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def serving(database_url: str) -> Iterator[Site]:
    """The demo data with more people, at the moment that they end, until the context does."""
    keys, clock = make_keys(database_url), Clock(DEMO_NOW)
    app = create_app(Settings(database_url=database_url), clock, workers=False)
    with in_thread(_with_prefix(app)) as url:
        batch = {"batch": people(clock.now)}
        httpx.post(f"{url}/v1/batch", json=batch, auth=(keys["server"], ""), timeout=60).raise_for_status()
        ids = databases.run(add_work(database_url))  # afterwards, since it counts the accounts
        yield Site(url, keys, ids)
