"""A lead and its explained score over HTTP, each against an endpoint that answers with a constant of the same size."""

import asyncio
from itertools import repeat
from statistics import median

import httpx

from benchmarks.ingest import CONNECTIONS, make_requests
from benchmarks.load import Load, get, run_load
from benchmarks.servers import baseline_server, leadscore, leadscore_server
from tests.databases import DURABLE, embedded_postgres

ROUNDS, SECONDS = 5, 3


def measure() -> dict[str, tuple[list[Load], list[Load]]]:
    """Of each kind of answer: the results of leadscore and of the baseline, one per round."""
    with embedded_postgres(DURABLE) as url, baseline_server() as baseline:
        leadscore(url, "migrate")
        write, read = (leadscore(url, "keys", "create", "--kind", kind, "--name", kind) for kind in ("write", "read"))
        with leadscore_server(url) as port:
            asyncio.run(run_load(port, CONNECTIONS, SECONDS, make_requests(write)))
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {read}"}
            ) as client:
                lead = client.get("/v1/leads").json()["data"][0]["id"]
                paths = {"a lead": f"/v1/leads/{lead}", "its score": f"/v1/leads/{lead}/score"}
                sizes = {name: len(client.get(path).content) for name, path in paths.items()}
            found: dict[str, tuple[list[Load], list[Load]]] = {}
            for name, path in paths.items():
                asked = get(path, f"Bearer {read}"), get(f"/constant/{sizes[name]}", "")
                found[name] = ([], [])
                for _ in range(ROUNDS):
                    for loads, server, request in zip(found[name], (port, baseline), asked, strict=True):
                        loads.append(asyncio.run(run_load(server, CONNECTIONS, SECONDS, repeat(request).__next__)))
    return found


def report() -> None:
    print(f"reading, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s, against a constant of the same size:")
    for name, (ours, theirs) in measure().items():
        rate, bare = (median(load.per_second for load in loads) for loads in (ours, theirs))
        ratios = sorted(a.per_second / b.per_second for a, b in zip(ours, theirs, strict=True))
        spread = f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"  {name:10} {rate:8,.0f}/s   constant {bare:8,.0f}/s   ratio, round by round: {spread}")
