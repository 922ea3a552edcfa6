"""Reads of one lead that the framework does not see: it would answer them alike, and sees all others."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from starlette.types import Receive, Scope, Send

from app.api.direct import DirectMiddleware
from app.api.lead_reads import plain_lead_read
from tests.api.harness import Api, assert_problem, break_schema, page_view, running, track
from tests.api.people import ago, ingest
from tests.services.damage import damage

ID = "01890000-0000-7000-8000-000000000001"
SOUND: dict[str, Any] = {"tally": {}}
PATHS = ["/v1/leads/{0}", "/v1/leads/{0}/score", "/v1/leads/lookup?user_id=u1"]


@pytest.mark.parametrize(
    ("path", "query", "route"),
    [
        (f"/v1/leads/{ID}", "", "/v1/leads/{lead_id}"),
        (f"/v1/leads/{ID}/score", "", "/v1/leads/{lead_id}/score"),
        ("/v1/leads/lookup", "email=ada%40example.com", "/v1/leads/lookup"),
        ("/v1/leads/lookup", "phone=", "/v1/leads/lookup"),
        (f"/v1/leads/{ID}", "as_of=2026-03-10T12:00:00Z", None),
        (f"/v1/leads/{ID}/score", "model=1", None),
        (f"/v1/leads/{ID}/events", "", None),
        (f"/v1/leads/{ID}/", "", None),
        (f"//v1/leads/{ID}", "", None),
        ("/v1/leads/5/score", "", None),
        ("/v1/leads/counts", "", None),
        ("/v1/leads/lookup", "", None),
        ("/v1/leads/lookup", "name=Ada", None),
        ("/v1/leads/lookup", "email=a@x.test&user_id=u1", None),
        ("/v1/leads/lookup", "email=a@x.test&email=b@x.test", None),
    ],
)
def test_only_reads_without_further_parameters_are_plain(path: str, query: str, route: str | None) -> None:
    found = plain_lead_read({"path": path, "query_string": query.encode()})
    assert (found.path if found else None) == route


def framework_of(app: FastAPI) -> Any:
    """The same application without its direct way."""
    direct = app.middleware_stack
    assert isinstance(direct, DirectMiddleware)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await direct.app({**scope, "app": app}, receive, send)

    return answer


async def assert_answered_alike(api: Api, logs: list[Any], path: str, headers: dict[str, str]) -> int:
    """With and without the direct way, the answer, the log and the counts are the same. Gives the status."""
    seen = []
    for app in (api.app, framework_of(api.app)):
        logs.clear()
        before = counts(api)
        async with AsyncClient(transport=ASGITransport(app), base_url="http://leadscore.test") as client:
            answer = await client.get(path, headers={"X-Request-Id": "abc", **headers})
        own = [line for line in logs if line.get("request_id") == "abc"]  # background work writes lines, too
        lines = [{name: line[name] for name in line.keys() - {"ms", "exc_info"}} for line in own]
        assert lines
        seen.append((answer.status_code, answer.headers.raw, answer.content, lines, counts(api) - before))
    assert seen[0] == seen[1]
    return answer.status_code


def counts(api: Api) -> Counter[tuple[str, ...]]:
    """How many requests were counted, by method, route and status."""
    samples = [each for metric in api.runtime.metrics.registry.collect() for each in metric.samples]
    found = [each for each in samples if each.name == "leadscore_request_seconds_count"]
    return Counter({tuple(each.labels.values()): int(each.value) for each in found})


async def test_a_read_is_answered_as_the_framework_would(still: Api, logs: list[Any]) -> None:
    await ingest(still, page_view(timestamp=ago(days=3)), track(traits={"email": "ada@acme.example"}))
    retired, lead = await still.lead(anonymous_id="a1"), await still.lead(user_id="u1")
    await ingest(still, track("Order Completed", anonymousId="a1", context={"groupId": "g1"}))
    for path in (*PATHS, PATHS[0].format(retired["id"]), PATHS[1].format(retired["id"])):
        asked = path.format(lead["id"])
        for kind in ("read", "admin"):
            assert await assert_answered_alike(still, logs, asked, still.bearer(kind)) == 200
        assert await assert_answered_alike(still, logs, asked, still.bearer("write")) == 403
        assert await assert_answered_alike(still, logs, asked, {}) == 401
        still.clock.now += timedelta(days=5)


@pytest.mark.parametrize("path", [*PATHS, "/v1/leads/lookup?user_id=null", "/v1/leads/lookup?email="])
async def test_a_read_is_refused_as_the_framework_would(web: Api, logs: list[Any], path: str) -> None:
    headers = web.bearer("read")
    status = 422 if path.endswith(("null", "=")) else 404
    assert await assert_answered_alike(web, logs, path.format(ID), headers) == status
    await ingest(web, track())
    lead_id = (await web.lead(user_id="u1"))["id"]
    await damage(web.runtime.database, UUID(lead_id))
    assert await assert_answered_alike(web, logs, path.format(lead_id), headers) in {500, 422}
    await damage(web.runtime.database, UUID(lead_id), columns=SOUND | {"model_version": 99})
    assert await assert_answered_alike(web, logs, path.format(lead_id), headers) in {500, 422}
    await break_schema(web, "leads")
    assert await assert_answered_alike(web, logs, path.format(lead_id), headers) in {500, 422}


async def test_a_read_counts_against_the_quota(sqlite_url: str) -> None:
    async with running(sqlite_url, quota_per_key="1/day") as api:
        assert_problem(await api.ask(PATHS[0].format(ID)), 404, "not-found")
        assert_problem(await api.ask(PATHS[0].format(ID)), 429, "quota-exceeded")
