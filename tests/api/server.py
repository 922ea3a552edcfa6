"""leadscore as its own process, as an operator starts it, for tests of what only a process shows."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any, Self

import httpx
import pytest
from sqlalchemy import text

from app.clock import utc_now
from app.services.keys import create_key
from app.storage.db import Database
from app.storage.keys import KEY_KINDS, KeyKind
from tests import databases

COMMAND = str(Path(sys.executable).with_name("leadscore"))
LISTENS = re.compile(r"leadscore listens on (http://\S+)")


def environment(url: str, **settings: Any) -> dict[str, str]:
    """The variables of a process on this database, and on nothing of the developer's own."""
    told = {f"LEADSCORE_{name.upper()}": str(value) for name, value in settings.items()}
    return {"PATH": os.environ["PATH"], "LEADSCORE_DATABASE_URL": url, "COLUMNS": "200"} | told


def run(url: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """`leadscore …` to its end."""
    return subprocess.run(
        [COMMAND, *arguments], env=environment(url), capture_output=True, text=True, timeout=60, check=False, **options
    )


def make_keys(url: str) -> dict[KeyKind, str]:
    """A key of each kind in a migrated database."""
    keys: dict[KeyKind, str] = {}

    async def make() -> None:
        database = Database(url)
        for kind in KEY_KINDS:
            keys[kind] = (await create_key(database, kind, f"test-{kind}", utc_now())).secret
        await database.close()

    databases.run(make())
    return keys


@contextmanager
def fresh_database(request: pytest.FixtureRequest, kind: str) -> Iterator[str]:
    """A migrated database of this kind, for fixtures that serve all tests of a module."""
    if kind == "sqlite":
        with TemporaryDirectory(prefix="ls-") as folder:
            yield f"sqlite+aiosqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), folder)}"
    else:
        server, template = (request.getfixturevalue(name) for name in ("postgres_server", "postgres_template"))
        with databases.postgres_database(server, template) as url:
            yield url


class Server:
    """A process that serves. `printed` is its standard output so far, `log` its standard error."""

    def __init__(self, url: str, keys: dict[KeyKind, str], process: subprocess.Popen[str], log: IO[str]) -> None:
        self.database_url = url
        self.keys = keys
        self.process = process
        self._log = log
        self.log_at_end = ""
        self.printed = ""
        assert process.stdout is not None
        for line in process.stdout:
            self.printed += line
            if match := LISTENS.search(line):
                self.url = match[1]
                return
        raise AssertionError(f"leadscore did not start: {self.log}")

    @property
    def log(self) -> str:
        if self._log.closed:
            return self.log_at_end
        file = self._log.fileno()  # the process writes where this file stands: to read must not move it
        return os.pread(file, os.fstat(file).st_size, 0).decode()

    def send(self, path: str, document: Any) -> httpx.Response:
        return httpx.post(self.url + path, json=document, auth=(self.keys["write"], ""), timeout=30)

    def ask(self, path: str, **params: str) -> Any:
        """What a question is answered with, which has to be 200."""
        headers = {"Authorization": f"Bearer {self.keys['read']}"}
        answer = httpx.get(self.url + path, headers=headers, params=params, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def drop_table(self, name: str) -> None:
        async def drop() -> None:
            database = Database(self.database_url)
            async with database.write() as connection:
                await connection.execute(text(f"ALTER TABLE {name} RENAME TO gone"))
            await database.close()

        databases.run(drop())

    def kill(self) -> None:
        """As a machine that loses its power would."""
        self.process.kill()
        self.process.wait(timeout=30)

    def stop(self) -> int:
        """As an orchestrator does. Gives the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)


class Wire:
    """A connection to a server, on which a test says what it likes, byte for byte."""

    def __init__(self, server: Server) -> None:
        self.server = server
        url = httpx.URL(server.url)
        self._socket = socket.create_connection((url.host, url.port or 80), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._socket.close()

    def say(self, *segments: bytes) -> None:
        """Each of which the server has read before the next one is sent: it answers another request meanwhile."""
        for segment in segments:
            self._socket.sendall(segment)
            httpx.get(f"{self.server.url}/livez")

    def answer(self) -> tuple[int, bytes]:
        """The next answer's status and body."""
        status = int(self._answers.readline().split()[1])
        fields = dict(iter(lambda: self._answers.readline().lower().rstrip().partition(b": ")[::2], (b"", b"")))
        return status, self._answers.read(int(fields.get(b"content-length", 0)))

    def is_closed(self) -> bool:
        """Waits until the server closes the connection, and fails if it sends anything more."""
        return self._answers.read() == b""


@contextmanager
def serving(url: str, keys: dict[KeyKind, str] | None = None, *options: str, **settings: Any) -> Iterator[Server]:
    """`leadscore serve` on a free port, stopped at the end. Without `keys`, there is one of each kind made for it."""
    made = make_keys(url) if keys is None else keys
    with TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", "0", *options],
            env=environment(url, **settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        with process:
            try:
                server = Server(url, made, process, log)
                yield server
                server.stop()
                server.log_at_end = server.log
            finally:
                if process.poll() is None:
                    process.kill()
