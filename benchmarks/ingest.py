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
from datetime import UTC, datetime
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

from benchmarks.load import Load, request, run_load
from benchmarks.servers import baseline_server, leadscore, leadscore_server
from tests.databases import DURABLE, embedded_postgres

CONNECTIONS = 32
SECONDS = 3
ROUNDS = 5
PERSONS = 5_000
BASELINE = "validating only"
EVENTS = ("Page Viewed", "Feature Used", "Article Read", "Video Playback Completed", "Form Submitted")


def make_requests(key: str, batch: int = 0) -> Callable[[], bytes]:
    """Returns a function that makes requests like those of website visitors: new events, mostly known people.

    Each has one event, or a batch of `batch` events.
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
        return template % (f"user-{random.randrange(PERSONS)}", f"{run}-{next(numbers)}", random.choice(EVENTS))

    def next_request() -> bytes:
        if not batch:
            return request("/v1/track", authorization, next_message().encode())
        messages = ",".join(next_message() for _ in range(batch))
        return request("/v1/batch", authorization, f'{{"batch":[{messages}]}}'.encode())

    return next_request


def measure() -> dict[str, list[Load]]:
    """The results of each server, one per round."""
    with ExitStack() as stack:
        postgres = stack.enter_context(embedded_postgres(DURABLE))
        folder = stack.enter_context(TemporaryDirectory())
        subjects = {
            "leadscore on PostgreSQL": _started(stack, postgres),
            "leadscore on SQLite": _started(stack, f"sqlite:///{folder}/leadscore.db"),
        }
        requests = next(iter(subjects.values()))[1]
        subjects[BASELINE] = stack.enter_context(baseline_server()), requests
        results: dict[str, list[Load]] = {name: [] for name in subjects}
        for _ in range(ROUNDS + 1):
            for name, (port, next_request) in subjects.items():
                results[name].append(asyncio.run(run_load(port, CONNECTIONS, SECONDS, next_request)))
    return {name: loads[1:] for name, loads in results.items()}  # the first round is a warm-up


def _started(stack: ExitStack, database_url: str) -> tuple[int, Callable[[], bytes]]:
    """The port of a server on this database, and requests that it accepts."""
    leadscore(database_url, "migrate")
    key = leadscore(database_url, "keys", "create", "--kind", "write", "--name", "bench")
    return stack.enter_context(leadscore_server(database_url)), make_requests(key)


def report() -> None:
    results = measure()
    print(f"one event a request, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s each, medians:")
    for name, loads in results.items():
        rate, middle, tail = (
            median(getattr(load, field) for load in loads) for field in ("per_second", "median_ms", "p99_ms")
        )
        ratio = _ratio(loads, results[BASELINE])
        print(f"  {name:24} {rate:8,.0f}/s   median {middle:5.1f} ms   p99 {tail:5.1f} ms{ratio}")


def _ratio(loads: Sequence[Load], baseline: Sequence[Load]) -> str:
    if loads is baseline:
        return ""
    ratios = sorted(a.per_second / b.per_second for a, b in zip(loads, baseline, strict=True))
    return f"   ratio, round by round: {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
