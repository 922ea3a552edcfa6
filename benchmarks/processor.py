"""What an event costs a server and its PostgreSQL in processor time, which other work on the machine hardly changes."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Self

import psutil
from sqlalchemy.engine import make_url

from benchmarks.load import run_load
from benchmarks.servers import Server, leadscore, leadscore_of
from tests.databases import DURABLE, as_text, own_postgres

SECONDS = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """Of an event: microseconds of processor time. Beside it events a second, and the median latency of a request."""

    server: float
    postgres: float
    per_second: float
    median_ms: float

    @classmethod
    def median(cls, costs: Sequence[Self]) -> Self:
        """The median of each number."""
        return cls(*(median(getattr(cost, field.name) for cost in costs) for field in fields(cls)))

    @property
    def total(self) -> float:
        return self.server + self.postgres

    def __str__(self) -> str:
        return f"server {self.server:4.0f} µs   PostgreSQL {self.postgres:4.0f} µs"


@dataclass(frozen=True, slots=True)
class Subject:
    """A running server with a PostgreSQL of its own."""

    server: Server
    cluster: psutil.Process
    key: str

    @classmethod
    @contextmanager
    def running(cls, tree: Path, fill: Callable[[str], None] = lambda _: None) -> Iterator[Self]:
        """Serves the code in a checkout, on a database that `fill` has filled: it is called with the URL."""
        with own_postgres(DURABLE) as postgres:
            url = as_text(make_url(postgres.get_uri()))
            leadscore(url, "migrate", tree=tree)
            fill(url)
            key = leadscore(url, "keys", "create", "--kind", "write", "--name", "bench", tree=tree)
            with leadscore_of(tree, url) as server:
                yield cls(server, psutil.Process(postgres.get_pid()), key)

    def cost(self, connections: int, next_request: Callable[[], bytes], size: int = 1) -> Cost:
        """The cost of an event under load. `size`: how many events a request has."""
        processes = psutil.Process(self.server.pid), self.cluster
        before = [_used_s(process) for process in processes]
        load = asyncio.run(run_load(self.server.port, connections, SECONDS, next_request))
        server, postgres = (
            (_used_s(process) - earlier) / (load.requests * size) * 1e6
            for process, earlier in zip(processes, before, strict=True)
        )
        return Cost(server, postgres, load.per_second * size, load.median_ms)


def _used_s(process: psutil.Process) -> float:
    """The processor time of a process and its children, dead or alive."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    own = times[0]
    used: float = sum(each.user + each.system for each in times) + own.children_user + own.children_system
    return used
