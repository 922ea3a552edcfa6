"""Batches of 500 events through `/v1/batch`, against `COPY` of as many rows of the log, with a commit for each 500."""

import asyncio
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import make_url

from benchmarks.figures import Comparison, Figure
from benchmarks.ingest import make_requests
from benchmarks.load import run_load
from benchmarks.servers import leadscore, leadscore_server
from tests.databases import DURABLE, as_text, embedded_postgres

BATCH = 500
CONNECTIONS = 4
ROUNDS, SECONDS = 5, 4


async def _copy(url: str) -> float:
    """How many rows a second `COPY` appends to a table like the log, with its indexes and no other table."""
    connection = await asyncpg.connect(as_text(make_url(url), driver="postgresql"))
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS copied (LIKE events INCLUDING ALL)")
        logged = [dict(row) for row in await connection.fetch("SELECT * FROM events LIMIT $1", BATCH)]
        started, copied = perf_counter(), 0
        while perf_counter() - started < SECONDS:
            rows = [tuple({**row, "id": uuid4(), "message_id": uuid4().hex}.values()) for row in logged]
            await connection.copy_records_to_table("copied", records=rows, columns=list(logged[0]))
            copied += len(rows)
        return copied / (perf_counter() - started)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Batches:
    """Events a second of leadscore, and rows a second of `COPY`."""

    rates: Comparison

    def __str__(self) -> str:
        ours, copied = median(self.rates.ours), median(self.rates.baseline)
        return (
            f"batches of {BATCH} events, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s, medians:\n"
            f"  stored and scored {ours:8,.0f}/s   COPY of the log's rows {copied:8,.0f}/s\n"
            f"  ratio, round by round: {self.rates.ratio:.2f}"
        )

    @property
    def figures(self) -> list[Figure]:
        name, against = f"batches of {BATCH}, PostgreSQL", f"`COPY` of the log's rows, a commit per {BATCH}"
        return [Figure(name, against, self.rates.ratio, "at least", 0.3)]


def measure() -> Batches:
    ours: list[float] = []
    copied: list[float] = []
    with embedded_postgres(DURABLE) as url:
        leadscore(url, "migrate")
        next_request = make_requests(leadscore(url, "keys", "create", "--kind", "write", "--name", "bench"), BATCH)
        with leadscore_server(url) as port:
            for _ in range(ROUNDS + 1):
                ours.append(asyncio.run(run_load(port, CONNECTIONS, SECONDS, next_request)).per_second * BATCH)
                copied.append(asyncio.run(_copy(url)))
    return Batches(Comparison(ours[1:], copied[1:]))  # the first round is a warm-up
