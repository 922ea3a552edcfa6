"""Around every request: its id, its line in the log, its count; and nothing personal in any of them."""

import json
from typing import Any

import httpx
import pytest

from tests.api.harness import PAGE, Api, accepted, break_schema, track
from tests.api.server import serving

SECRET = "ada.lovelace@example.com"


async def test_a_request_id_is_generated(web: Api) -> None:
    ids = [(await web.client.get("/livez")).headers["x-request-id"] for _ in range(2)]
    assert all(len(told) == 32 for told in ids)
    assert ids[0] != ids[1]


async def test_a_given_request_id_is_kept(web: Api) -> None:
    told = "a1b2-C3d4"
    assert (await web.client.get("/livez", headers={"X-Request-Id": told})).headers["x-request-id"] == told


async def test_a_request_id_unsafe_for_logs_is_replaced(web: Api) -> None:
    for told in ("", "-" * 65, "a b", 'a"b', SECRET, "é"):
        headers = {b"X-Request-Id": told.encode()}
        assert (await web.client.get("/livez", headers=headers)).headers["x-request-id"] != told


async def test_errors_have_a_request_id_too(web: Api) -> None:
    for path in ("/v1/leads", "/nowhere", "/v1/track"):
        assert (await web.client.get(path)).headers["x-request-id"]


async def test_a_request_is_logged_with_its_id_and_its_route(web: Api, logs: list[Any]) -> None:
    answer = await web.client.get(
        "/v1/leads/5/score?as_of=marker", headers={"X-Request-Id": "abc"} | web.bearer("read")
    )
    [line] = [line for line in logs if line["event"] == "request"]
    assert line.pop("ms") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "request_id": "abc",
        "method": "GET",
        "route": "/v1/leads/{lead_id}/score",
        "status": answer.status_code,
        "problem": "validation-error",
    }


async def test_a_successful_probe_is_not_logged(web: Api, logs: list[Any]) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await web.client.get(path)).status_code == 200
    assert {line["log_level"] for line in logs if line["event"] == "request"} == {"debug"}


def test_head_is_answered_like_get_without_a_body(sqlite_url: str) -> None:
    with serving(sqlite_url) as server, httpx.Client(base_url=server.url) as client:
        client.headers["Authorization"] = f"Bearer {server.keys['read']}"
        for path in ("/livez", "/readyz", "/v1/leads"):
            got, head = client.get(path), client.head(path)
            assert (head.status_code, head.content) == (200, b"")
            assert got.headers.keys() == head.headers.keys()
            assert got.headers["content-length"] == head.headers["content-length"]
        assert 'method="HEAD",route="/livez",status="200"' in client.get("/metrics").text
        assert client.head("/v1/track").status_code == 405
        assert client.post("/livez").headers["allow"] == "GET, HEAD"


async def test_a_trailing_slash_outside_ingestion_is_not_redirected(web: Api) -> None:
    """A redirect would name the host and the scheme that we are asked by, which behind a proxy are not the client's."""
    for path in ("/v1/leads/", "/v1/models/"):
        assert (await web.client.post(path)).status_code in {404, 405}
        assert (await web.client.get(path)).status_code == 404


HERE = "http://leadscore.test"  # in full, for `//v1` alone would be a host
SLASHES = ["//v1/track", "/v1//track", "///v1////track", "/v1/track?x=//"]


@pytest.mark.parametrize("path", SLASHES)
async def test_repeated_slashes_count_as_one(web: Api, path: str) -> None:
    answer = await web.send(f"{HERE}{path}", track(), Origin=PAGE)
    assert accepted(answer) == (1, 0)
    assert answer.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize("path", ["/v1/track/", "/v1/t/", "/v1//track//", "/v1/track/?x=1"])
async def test_a_trailing_slash_of_an_ingestion_path_is_ignored(web: Api, path: str) -> None:
    answer = await web.send(path, track(), Origin=PAGE)
    assert accepted(answer) == (1, 0)
    assert answer.headers["access-control-allow-origin"] == PAGE


async def test_a_trailing_slash_of_a_longer_ingestion_path_is_ignored(web: Api) -> None:
    assert accepted(await web.send("/v1/batch/", {"batch": [track()]})) == (1, 0)
    assert accepted(await web.send("/v1/forms/contact/", {"email": "a@b.example"})) == (1, 0)
    for path in (f"/v1/projects/{web.keys['write']}/settings/", f"/sourceConfig/?writeKey={web.keys['write']}"):
        assert (await web.client.get(path)).status_code == 200


async def test_an_escaped_trailing_slash_is_part_of_the_name(web: Api) -> None:
    assert (await web.send("/v1/track%2F", track())).status_code == 404
    assert (await web.send("/v1/forms/contact%2F/", {"email": "a@b.example"})).status_code == 404


async def test_repeated_slashes_before_a_path_parameter_count_as_one(web: Api) -> None:
    answer = await web.client.get(f"{HERE}//v1/projects//{web.keys['write']}/settings", headers={"Origin": PAGE})
    assert answer.json()["integrations"]["Segment.io"]["apiHost"] == "leadscore.test/v1"
    assert answer.headers["access-control-allow-origin"] == PAGE


async def test_repeated_slashes_do_not_open_other_paths_to_pages(web: Api) -> None:
    answer = await web.client.get(f"{HERE}//v1//leads", headers={"Origin": PAGE} | web.bearer("read"))
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/v1%2F%2Ftrack", "/v1/%2Ftrack", "/%2Fv1/track"])
async def test_escaped_slashes_are_not_separators(web: Api, path: str) -> None:
    assert (await web.send(path, track())).status_code == 404


async def test_a_path_keeps_its_other_escapes(web: Api) -> None:
    assert accepted(await web.send("/v1//forms/%7Btype%7D%2520", {"email": "a@b.example"})) == (1, 0)
    assert (await web.lead(email="a@b.example"))["event_count"] == 1


async def speak_of(api: Api, secret: str) -> None:
    """Say something personal in every place that there is."""
    traits = {"email": secret, "name": secret}
    await api.batch(
        track(secret, userId=secret, traits=traits, properties={"x": secret}), track(userId=None, event=secret)
    )
    await api.send(
        f"/v1/identify?email={secret}", {"userId": "u1", "traits": traits}, User_Agent=secret, Referer=secret
    )
    await api.client.post(f"/v1/forms/{secret}", data={"email": secret, "writeKey": api.keys["write"]})
    await api.client.post(f"/v1/forms/x?writeKey={api.keys['write']}", data={"email": secret, "userId": "null"})
    for path in (f"/v1/leads?email={secret}", f"/v1/leads/lookup?email={secret}", f"/{secret}", f"/v1/leads/{secret}"):
        await api.ask(path)
    await api.client.get(f"/v1/projects/{api.keys['write']}/settings", headers={"X-Request-Id": secret})


async def test_nothing_personal_is_logged(api: Api, logs: list[Any]) -> None:
    await speak_of(api, SECRET)
    written = json.dumps(logs, default=str)
    assert len(logs) >= 6
    assert SECRET not in written
    assert "?" not in written


async def test_no_key_is_logged(api: Api, logs: list[Any]) -> None:
    await speak_of(api, SECRET)
    written = json.dumps(logs, default=str)
    assert [kind for kind, secret in api.keys.items() if secret in written] == []


def test_a_crash_is_logged_with_its_cause_and_nothing_personal(database_url: str) -> None:
    with serving(database_url) as server:
        server.drop_table("events")
        answer = server.send("/v1/identify", {"userId": SECRET, "traits": {"email": SECRET, "name": SECRET}})
        assert answer.status_code == 500
    lines = [json.loads(line) for line in server.log.splitlines()]
    crashes = [line for line in lines if "exception" in line]
    assert crashes
    assert "events" in crashes[0]["exception"]
    assert SECRET not in server.log


async def test_requests_are_counted_by_route_method_and_status(web: Api) -> None:
    await web.client.get("/v1/leads/5/score", headers=web.bearer("read"))
    await web.client.get(f"/{SECRET}")
    sample = web.runtime.metrics.registry.get_sample_value
    asked = {"method": "GET", "route": "/v1/leads/{lead_id}/score", "status": "422"}
    assert sample("leadscore_request_seconds_count", asked) == 1
    assert sample("leadscore_request_seconds_count", {"method": "GET", "route": "unknown", "status": "404"}) == 1


async def test_a_crash_is_counted_as_500(web: Api) -> None:
    await break_schema(web)
    await web.send("/v1/track", track())
    labels = {"method": "POST", "route": "/v1/track", "status": "500"}
    assert web.runtime.metrics.registry.get_sample_value("leadscore_request_seconds_count", labels) == 1


async def test_a_request_after_a_crash_is_served(web: Api) -> None:
    await break_schema(web)
    await web.send("/v1/track", track())
    assert accepted(await web.batch()) == (0, 0)
