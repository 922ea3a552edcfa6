"""One event per request: leadscore, which commits before it answers, against an endpoint that only validates.

leadscore on PostgreSQL, leadscore on SQLite and the endpoint run with one worker each and are measured alternately.
"""

import asyncio
import base64
import itertools
import json
import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

from benchmarks.figures import Comparison, Figure
from benchmarks.load import Load, request, run_load
from benchmarks.servers import baseline_server, leadscore, leadscore_server
from tests.databases import DURABLE, embedded_postgres

CONNECTIONS = 32
SECONDS = 3
ROUNDS = 5
PERSONS = 5_000
EVENTS = ("Page Viewed", "Feature Used", "Article Read", "Video Playback Completed", "Form Submitted")


def make_requests(key: str, batch: int = 0, people: Sequence[int] = range(PERSONS)) -> Callable[[], bytes]:
    """Returns a function that makes requests like those of website visitors: new events, mostly known people.

    Each has one event, or a batch of `batch` events. The visitors are numbered: `user-0` has the number 0.
    """
    authorization = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    run = uuid4().hex
    numbers = itertools.count()
    now = datetime.now(UTC).isoformat()
    page = {"url": "https://www.example.com/pricing?utm_source=google&utm_medium=cpc", "path": "/pricing"}
    message: dict[str, object] = {
        "userId": "%s",
        "messageId": "%s",
        "event": "%s",
        "timestamp": now,
        "sentAt": now,
        "properties": {"plan": "team", "seats": 12, "form": "contact"},
        "context": {"page": page, "library": {"name": "bench", "version": "1"}, "locale": "en-GB"},
    }
    template = json.dumps(message | {"type": "track"} if batch else message)

    def next_message() -> str:
        return template % (f"user-{random.choice(people)}", f"{run}-{next(numbers)}", random.choice(EVENTS))

    def next_request() -> bytes:
        if not batch:
            return request("/v1/track", authorization, next_message().encode())
        messages = ",".join(next_message() for _ in range(batch))
        return request("/v1/batch", authorization, f'{{"batch":[{messages}]}}'.encode())

    return next_request


@dataclass(frozen=True, slots=True)
class Ingestion:
    """The loads of each server, one per round."""

    postgres: Sequence[Load]
    sqlite: Sequence[Load]
    baseline: Sequence[Load]

    def __str__(self) -> str:
        servers = {"leadscore on PostgreSQL": self.postgres, "leadscore on SQLite": self.sqlite}
        return "\n".join(
            [
                f"one event a request, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s each, medians:",
                *(
                    f"  {_summary(name, loads)}   ratio, round by round: {self._rates(loads).ratio:.2f}"
                    for name, loads in servers.items()
                ),
                f"  {_summary('validating only', self.baseline)}",
            ]
        )

    @property
    def figures(self) -> list[Figure]:
        load, against = (
            f"one event a request, {CONNECTIONS} connections",
            "an endpoint that only validates the same body",
        )
        p99s = Comparison([load.p99_ms for load in self.postgres], [load.p99_ms for load in self.baseline])
        return [
            Figure(f"{load}, PostgreSQL: rate", against, self._rates(self.postgres).ratio, "at least", 0.6),
            Figure(f"{load}, PostgreSQL: p99 latency", against, p99s.ratio, "at most", 4),
            Figure(f"{load}, SQLite: rate", against, self._rates(self.sqlite).ratio, "at least", 0.5),
        ]

    def _rates(self, loads: Sequence[Load]) -> Comparison:
        return Comparison([load.per_second for load in loads], [load.per_second for load in self.baseline])


def _summary(name: str, loads: Sequence[Load]) -> str:
    rate, middle, tail = (
        median(getattr(load, field) for load in loads) for field in ("per_second", "median_ms", "p99_ms")
    )
    return f"{name:24} {rate:8,.0f}/s   median {middle:5.1f} ms   p99 {tail:5.1f} ms"


def measure() -> Ingestion:
    with ExitStack() as stack:
        postgres = stack.enter_context(embedded_postgres(DURABLE))
        folder = stack.enter_context(TemporaryDirectory())
        subjects = [_started(stack, url) for url in (postgres, f"sqlite:///{folder}/leadscore.db")]
        subjects.append((stack.enter_context(baseline_server()), subjects[0][1]))
        rounds = [
            [asyncio.run(run_load(port, CONNECTIONS, SECONDS, next_request)) for port, next_request in subjects]
            for _ in range(ROUNDS + 1)
        ]
    return Ingestion(*zip(*rounds[1:], strict=True))  # the first round is a warm-up


def _started(stack: ExitStack, database_url: str) -> tuple[int, Callable[[], bytes]]:
    """The port of a server on this database, and requests that it accepts."""
    leadscore(database_url, "migrate")
    key = leadscore(database_url, "keys", "create", "--kind", "write", "--name", "bench")
    return stack.enter_context(leadscore_server(database_url)), make_requests(key)
