"""What an event costs in processor time, the server's and PostgreSQL's. Other work on the machine hardly changes it.

`python -m benchmarks costs` measures this checkout; with LEADSCORE_TEST_BESIDE=/path also another one, in alternation.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from sqlalchemy.engine import make_url

from benchmarks.ingest import CONNECTIONS, make_requests
from benchmarks.load import run_load
from benchmarks.servers import Server, leadscore, leadscore_of
from tests.databases import DURABLE, as_text, own_postgres, postgres_database

ROUNDS = 7
SECONDS = 3
SIZES = (1, 20)
"""How many events a request has."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of an event, in microseconds of processor time; and how many events a second."""

    server: float
    postgres: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Subject:
    """A running server with a database of its own."""

    name: str
    server: Server
    key: str


def report() -> None:
    beside = os.environ.get("LEADSCORE_TEST_BESIDE")
    trees = [Path.cwd(), *([Path(beside)] if beside else [])]
    with ExitStack() as stack:
        postgres = stack.enter_context(own_postgres(DURABLE))
        url, cluster = as_text(make_url(postgres.get_uri())), psutil.Process(postgres.get_pid())
        subjects = [_start(stack, url, tree) for tree in trees]
        for size in SIZES:
            print(f"{size} events a request, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s, medians:")
            rounds = [[_measure(subject, cluster, size) for subject in subjects] for _ in range(ROUNDS + 1)]
            for subject, costs in zip(subjects, zip(*rounds[1:], strict=True), strict=True):  # the first is a warm-up
                print(f"  {subject.name:20} {_summary(costs)}", flush=True)


def _start(stack: ExitStack, postgres_url: str, tree: Path) -> Subject:
    url = stack.enter_context(postgres_database(postgres_url))
    leadscore(url, "migrate", tree=tree)
    key = leadscore(url, "keys", "create", "--kind", "write", "--name", "bench", tree=tree)
    return Subject(tree.name, stack.enter_context(leadscore_of(tree, url)), key)


def _measure(subject: Subject, cluster: psutil.Process, size: int) -> Cost:
    server = psutil.Process(subject.server.pid)
    next_request = make_requests(subject.key, size if size > 1 else 0)
    before = _used_s(server), _used_s(cluster)
    load = asyncio.run(run_load(subject.server.port, CONNECTIONS, SECONDS, next_request))
    events = load.requests * size
    used = [
        (after - earlier) / events * 1e6
        for earlier, after in zip(before, (_used_s(server), _used_s(cluster)), strict=True)
    ]
    return Cost(used[0], used[1], load.per_second * size)


def _used_s(process: psutil.Process) -> float:
    """The processor time of a process and its children, dead or alive."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    own = times[0]
    used: float = sum(each.user + each.system for each in times) + own.children_user + own.children_system
    return used


def _summary(costs: Sequence[Cost]) -> str:
    def middle(of: Callable[[Cost], float]) -> float:
        return median(map(of, costs))

    server, postgres = middle(lambda cost: cost.server), middle(lambda cost: cost.postgres)
    rate = middle(lambda cost: cost.per_second)
    return f"server {server:4.0f} µs   PostgreSQL {postgres:4.0f} µs   {rate:7,.0f}/s"
