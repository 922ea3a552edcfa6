"""One event per request: leadscore, which commits to PostgreSQL before it answers, against a validating endpoint.

Both run with one worker and are measured alternately in one run.
"""

import asyncio
import base64
import itertools
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from uuid import uuid4

from benchmarks.load import Load, request, run_load
from benchmarks.servers import baseline_server, leadscore, leadscore_server
from tests.databases import DURABLE, embedded_postgres

CONNECTIONS = 32
SECONDS = 3
ROUNDS = 5
PERSONS = 5_000
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


def measure() -> tuple[list[Load], list[Load]]:
    """Results for leadscore and for the baseline, one per round."""
    with embedded_postgres(DURABLE) as database_url, baseline_server() as baseline_port:
        leadscore(database_url, "migrate")
        key = leadscore(database_url, "keys", "create", "--kind", "write", "--name", "bench")
        next_request = make_requests(key)
        with leadscore_server(database_url) as port:
            asyncio.run(run_load(port, CONNECTIONS, 2, next_request))  # warm-up
            asyncio.run(run_load(baseline_port, CONNECTIONS, 1, next_request))
            results, baseline = [], []
            for _ in range(ROUNDS):
                results.append(asyncio.run(run_load(port, CONNECTIONS, SECONDS, next_request)))
                baseline.append(asyncio.run(run_load(baseline_port, CONNECTIONS, SECONDS, next_request)))
    return results, baseline


def report() -> None:
    results, baseline = measure()
    print(f"one event a request, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s each, medians:")
    for name, loads in (("leadscore on PostgreSQL", results), ("validating only", baseline)):
        rate, middle, tail = (
            median(getattr(load, field) for load in loads) for field in ("per_second", "median_ms", "p99_ms")
        )
        print(f"  {name:24} {rate:8,.0f}/s   median {middle:5.1f} ms   p99 {tail:5.1f} ms")
    ratios = sorted(a.per_second / b.per_second for a, b in zip(results, baseline, strict=True))
    print(f"  ratio, round by round:   {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
