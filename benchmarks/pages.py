"""The screen's first pages over HTTP, each beside the answer of the API that it shows: a list of leads, and one lead.

LEADSCORE_TEST_LEADS sets how many leads there are.
"""

from statistics import median, quantiles
from time import perf_counter

import httpx
import uvloop

from app.clock import utc_now
from benchmarks.lists import LEADS, filled
from benchmarks.servers import leadscore, leadscore_server
from tests.databases import DURABLE, embedded_postgres

ROUNDS = 60


async def _fill(url: str) -> None:
    async with filled(url, utc_now()):
        pass


def _sign_in(client: httpx.Client, key: str) -> None:
    """Let the client's requests carry the cookie of the screen. For the API, they carry the key."""
    same_origin = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert client.post("/ui/sign-in", data={"key": key}, headers=same_origin).is_redirect  # noqa: S101 - or nothing works


def _milliseconds(client: httpx.Client, path: str) -> float:
    started = perf_counter()
    client.get(path).raise_for_status()
    return (perf_counter() - started) * 1000


def measure() -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds of pages and of the API's answers, in alternation."""
    with embedded_postgres(DURABLE) as database_url:
        uvloop.run(_fill(database_url))
        key = leadscore(database_url, "keys", "create", "--kind", "read", "--name", "bench")
        headers = {"Authorization": f"Bearer {key}"}
        with (
            leadscore_server(database_url) as port,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client,
        ):
            _sign_in(client, key)
            ids = [lead["id"] for lead in client.get("/v1/leads?limit=50").json()["data"]]
            found: dict[str, tuple[list[float], list[float]]] = {"list of leads": ([], []), "one lead": ([], [])}
            for number in range(ROUNDS + 1):
                lead = ids[number % len(ids)]
                asked = {
                    "list of leads": ("/ui/leads", "/v1/leads?limit=50"),
                    "one lead": (f"/ui/leads/{lead}", f"/v1/leads/{lead}"),
                }
                for name, paths in asked.items():
                    for times, path in zip(found[name], paths, strict=True):
                        times.append(_milliseconds(client, path))
    return found


def report() -> None:
    print(f"pages of the screen beside the API, {LEADS:,} leads, {ROUNDS} rounds, milliseconds:")
    for name, both in measure().items():
        page, api = (times[1:] for times in both)  # the first compiles templates and statements
        shown = "   ".join(f"{median(times):6.1f} (p95 {quantiles(times, n=20)[-1]:.1f})" for times in (page, api))
        print(f"  {name:16} page and API   {shown}   ratio {median(page) / median(api):.2f}")
