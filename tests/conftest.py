"""Fixtures for every test: fresh, migrated databases of both kinds.

A test that takes `database_url` runs once on SQLite and once on PostgreSQL. The schema is migrated once a session and
worker, into a template that each test gets a copy of.

The PostgreSQL server is the one that LEADSCORE_TEST_POSTGRES_URL names, whose role must be allowed to create
databases, or else one of our own. Of our own there is one a session: under pytest-xdist the controller starts it
and tells the workers where it is, so that no lock is needed and it ends with the session.
"""

import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from sqlalchemy.engine import make_url

from tests import databases

if TYPE_CHECKING:
    from app.storage.db import Database

SERVER_URL = pytest.StashKey[str]()


def pytest_configure() -> None:
    for name in list(os.environ):  # a developer's own settings are not the tests' settings
        if name.startswith("LEADSCORE_") and not name.startswith("LEADSCORE_TEST_"):
            del os.environ[name]
    # No deadline: a busy machine is not a failure. The blob reproduces a failure that CI has found.
    settings.register_profile("leadscore", deadline=None, print_blob=True)
    settings.load_profile("leadscore")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker, before it starts, where the server is."""
    node.workerinput["postgres_server"] = _server_url(node.config)


def _server_url(config: pytest.Config) -> str:
    """The server that is named, or that of our own, started when first asked for."""
    if SERVER_URL not in config.stash:
        url = os.environ.get("LEADSCORE_TEST_POSTGRES_URL")
        if url is None:
            stack = ExitStack()
            config.add_cleanup(stack.close)
            # A session that is terminated ends as an interrupted one does: the server must not outlive it.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            url = stack.enter_context(databases.embedded_postgres())
        config.stash[SERVER_URL] = databases.as_text(make_url(url))
    return config.stash[SERVER_URL]


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> str:
    """The URL of a server's maintenance database, for tests that need several databases or to look from outside."""
    worker: dict[str, str] | None = getattr(request.config, "workerinput", None)
    return worker["postgres_server"] if worker else _server_url(request.config)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """A migrated database to copy; while anything is connected to it, PostgreSQL refuses to."""
    with databases.postgres_database(postgres_server) as url:
        _migrate(url)
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrate(f"sqlite+aiosqlite:///{path}")
    return path


def _migrate(url: str) -> None:
    from app.storage.db import Database  # noqa: PLC0415 -- the tests of the pure parts run without storage
    from app.storage.migrations import migrate  # noqa: PLC0415

    async def open_and_migrate() -> None:
        database = Database(url)
        await migrate(database)
        await database.close()

    databases.run(open_and_migrate())


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database."""
    with databases.postgres_database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh, migrated SQLite database."""
    path = shutil.copy(sqlite_template, tmp_path / "leadscore.db")
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database: the test runs on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator["Database"]:
    """The same, opened."""
    from app.storage.db import Database  # noqa: PLC0415 -- as above

    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any tables, for tests of the migrations: the test runs on each kind."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
    else:
        with databases.postgres_database(request.getfixturevalue("postgres_server")) as url:
            yield url
