"""A lead and its explained score over HTTP, each against an endpoint that answers with a constant of the same size."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from statistics import median

import httpx

from benchmarks.figures import Comparison, Figure
from benchmarks.ingest import CONNECTIONS, make_requests
from benchmarks.load import get, run_load
from benchmarks.servers import baseline_server, leadscore, leadscore_server
from tests.databases import DURABLE, embedded_postgres

ROUNDS, SECONDS = 5, 3
PATHS = ("/v1/leads/{id}", "/v1/leads/{id}/score")


@dataclass(frozen=True, slots=True)
class Reads:
    """Answers a second, by the path that was asked for."""

    rates: Mapping[str, Comparison]

    def __str__(self) -> str:
        title = (
            f"reading, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s, against a constant of the same size:"
        )
        return "\n".join([title, *(_line(path, rates) for path, rates in self.rates.items())])

    @property
    def figures(self) -> list[Figure]:
        return [
            Figure(
                f"`GET {path}`, {CONNECTIONS} connections: rate",
                "an endpoint that returns a constant of the same size",
                rates.ratio,
                "at least",
                0.5,
            )
            for path, rates in self.rates.items()
        ]


def _line(path: str, rates: Comparison) -> str:
    ours, constant = median(rates.ours), median(rates.baseline)
    return f"  {path:22} {ours:8,.0f}/s   constant {constant:8,.0f}/s   ratio, round by round: {rates.ratio:.2f}"


def measure() -> Reads:
    with embedded_postgres(DURABLE) as url, baseline_server() as baseline:
        leadscore(url, "migrate")
        write, read = (leadscore(url, "keys", "create", "--kind", kind, "--name", kind) for kind in ("write", "read"))
        with leadscore_server(url) as port:
            asyncio.run(run_load(port, CONNECTIONS, SECONDS, make_requests(write)))
            return Reads({path: _compare(port, baseline, read, path) for path in PATHS})


def _compare(port: int, baseline: int, key: str, path: str) -> Comparison:
    """The rates for one of the leads, and for a constant as long as the answer."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        asked = path.format(id=client.get("/v1/leads").json()["data"][0]["id"])
        size = len(client.get(asked).content)
    ours, constant = get(asked, headers["Authorization"]), get(f"/constant/{size}", "")
    rounds = [(_rate(port, ours), _rate(baseline, constant)) for _ in range(ROUNDS)]
    return Comparison(*zip(*rounds, strict=True))


def _rate(port: int, request: bytes) -> float:
    return asyncio.run(run_load(port, CONNECTIONS, SECONDS, repeat(request).__next__)).per_second
