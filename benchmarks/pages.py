"""The screen's first pages over HTTP, each beside the answer of the API that it shows: a list of leads, and one lead.

LEADSCORE_TEST_LEADS sets how many leads there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter

import httpx
import uvloop

from app.clock import utc_now
from benchmarks.figures import Comparison
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


@dataclass(frozen=True, slots=True)
class Pages:
    """Milliseconds, by page, against the API's answer."""

    milliseconds: Mapping[str, Comparison]

    def __str__(self) -> str:
        title = f"pages of the screen beside the API, {LEADS:,} leads, {ROUNDS} rounds, milliseconds:"
        return "\n".join([title, *(_line(name, both) for name, both in self.milliseconds.items())])


def _line(name: str, both: Comparison) -> str:
    page, api = (f"{median(times):6.1f} (p95 {quantiles(times, n=20)[-1]:.1f})" for times in (both.ours, both.baseline))
    ratio = median(both.ours) / median(both.baseline)
    return f"  {name:16} page and API   {page}   {api}   ratio {ratio:.2f}"


def measure() -> Pages:
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
            rounds = [_round(client, ids[number % len(ids)]) for number in range(ROUNDS + 1)]
    list_page, list_api, lead_page, lead_api = zip(*rounds[1:], strict=True)  # the first compiles templates
    return Pages({"list of leads": Comparison(list_page, list_api), "one lead": Comparison(lead_page, lead_api)})


def _round(client: httpx.Client, lead: str) -> list[float]:
    paths = ("/ui/leads", "/v1/leads?limit=50", f"/ui/leads/{lead}", f"/v1/leads/{lead}")
    return [_milliseconds(client, path) for path in paths]
