"""The requests of client libraries as they were recorded (PROTOCOL.md): path, headers, encoding and form of the body.

The values are made up; the clock of each client is a minute ahead of ours.
"""

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

from httpx import Response

from tests.api.harness import Api, accepted

AHEAD = "2026-03-10T12:01:00"
SENT = f"{AHEAD}.000Z"
THEN = "2026-03-10T12:00:50.000Z"
ARRIVED = "2026-03-10T11:59:50Z"
"""What ten seconds before the sending is by our clock."""


async def send(api: Api, path: str, body: Any, *, zipped: bool = False, **headers: Any) -> Response:
    """With the headers that are given and no others."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content: Any = gzip.compress(data) if zipped else data
    if zipped:
        named["Content-Encoding"] = "gzip"
    return await api.client.post(path, content=content, headers=named)


def basic(api: Api) -> str:
    return "Basic " + base64.b64encode(f"{api.keys['write']}:".encode()).decode()


async def test_segment_python(web: Api) -> None:
    message = {
        "integrations": {},
        "anonymousId": None,
        "properties": {"plan": "pro"},
        "timestamp": "2026-03-10T12:00:50.123+00:00",
        "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
        "userId": "u1",
        "type": "track",
        "event": "Trial Started",
        "messageId": "8f4c2f1e-4c0e-4c7a-a7de-3c1b0f0c7e5d",
    }
    body = {"batch": [message], "sentAt": "2026-03-10T12:01:00.123000+00:00"}
    headers: dict[str, Any] = {
        "Content_Type": "application/json",
        "User_Agent": "analytics-python/2.4.0",
        "Authorization": basic(web),
    }
    assert accepted(await send(web, "/v1/batch", body, zipped=True, **headers)) == (1, 0)
    assert accepted(await send(web, "/v1/batch", body, **headers)) == (0, 1)
    [event] = await web.events(user_id="u1")
    assert (event["name"], event["occurred_at"], event["properties"]) == ("Trial Started", ARRIVED, {"plan": "pro"})


async def test_segment_node(web: Api) -> None:
    message = {
        "userId": "u1",
        "type": "identify",
        "traits": {"email": "Ada@example.com"},
        "context": {"library": {"name": "@segment/analytics-node", "version": "3.1.0"}},
        "timestamp": THEN,
        "messageId": "node-next-1748779190000-1a2b",
        "_metadata": {"nodeVersion": "22.0.0", "jsRuntime": "node"},
    }
    body = {"batch": [message], "writeKey": web.keys["write"], "sentAt": SENT}
    answer = await send(
        web, "/v1/batch", body, Content_Type="application/json", User_Agent="analytics-node-next/latest"
    )
    assert accepted(answer) == (1, 0)
    [event] = await web.events(email="ada@example.com")
    assert event["occurred_at"] == ARRIVED


async def test_rudder_python(web: Api) -> None:
    message = {
        "integrations": {"All": True},
        "anonymousId": None,
        "timestamp": None,
        "originalTimestamp": "2026-03-10T12:00:50+00:00",
        "context": {"traits": {"email": "ada@example.com"}, "library": {"name": "rudder-analytics-python"}},
        "type": "identify",
        "userId": "u1",
        "messageId": "5d0f1b1e-3a57-4f6e-9c09-6f2f4f7d3a11",
        "channel": "server",
    }
    body = {"batch": [message], "sentAt": f"{AHEAD}+00:00"}
    headers: dict[str, Any] = {"Content_Type": "application/json", "Authorization": basic(web)}
    assert accepted(await send(web, "/v1/batch", body, zipped=True, **headers)) == (1, 0)
    [event] = await web.events(email="ada@example.com")
    assert (event["occurred_at"], event["traits"]) == (ARRIVED, {"email": "ada@example.com"})


async def test_rudder_node_labels_its_gzipped_json_a_form(web: Api) -> None:
    message = {"type": "track", "event": "Signed Up", "userId": "u1", "anonymousId": "a1", "originalTimestamp": THEN}
    body = {"batch": [message | {"messageId": "m1", "channel": "server", "sentAt": SENT}], "sentAt": SENT}
    headers: dict[str, Any] = {"Content_Type": "application/x-www-form-urlencoded", "Authorization": basic(web)}
    assert accepted(await send(web, "/v1/batch", body, zipped=True, **headers)) == (1, 0)
    [event] = await web.events(anonymous_id="a1")
    assert event["occurred_at"] == ARRIVED


def browser_event(api: Api, **fields: Any) -> dict[str, Any]:
    return {
        "timestamp": THEN,
        "integrations": {},
        "userId": None,
        "anonymousId": "a1",
        "context": {"page": {"path": "/pricing", "url": "https://www.example.com/pricing"}, "timezone": "UTC"},
        "messageId": "ajs-next-1748779199900-6c9a",
        "writeKey": api.keys["write"],
        "sentAt": SENT,
        "_metadata": {"bundled": ["Segment.io"], "unbundled": [], "bundledIds": []},
    } | fields


async def test_analytics_next_preflights_and_posts_each_event_as_text(web: Api) -> None:
    page: dict[str, Any] = {"Origin": "https://www.example.com"}
    asked = page | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    assert (await web.client.options("/v1/p", headers=asked)).status_code == 200
    event = browser_event(web, type="page", properties={"path": "/pricing"})
    answer = await send(web, "/v1/p", event, Content_Type="text/plain", **page)
    assert accepted(answer) == (1, 0)
    assert answer.headers["access-control-allow-origin"] == "https://www.example.com"
    [stored] = await web.events(anonymous_id="a1")
    assert (stored["name"], stored["occurred_at"]) == ("Page Viewed", ARRIVED)


async def test_analytics_next_retries_with_a_count(web: Api) -> None:
    event = browser_event(web, type="track", event="Signed Up", properties={})
    for retry, expected in ((0, (1, 0)), (1, (0, 1))):
        headers: dict[str, Any] = {"Content_Type": "text/plain", "X_Retry_Count": str(retry)}
        assert accepted(await send(web, "/v1/t", event, **headers)) == expected


async def test_analytics_next_sends_pending_events_as_a_beacon_on_unload(web: Api) -> None:
    batch = [browser_event(web, type="track", event="Signed Up"), browser_event(web, type="page", messageId="m2")]
    body = {"writeKey": web.keys["write"], "batch": batch, "sentAt": SENT}
    assert accepted(await send(web, "/v1/b", body, Content_Type="text/plain;charset=UTF-8")) == (2, 0)


async def test_analytics_next_aliases_the_current_user_with_itself(web: Api) -> None:
    event = browser_event(web, type="alias", userId="u1", previousId="u1")
    assert accepted(await send(web, "/v1/a", event, Content_Type="text/plain")) == (1, 0)


async def test_rudder_browser_sends_beacons_with_its_key_in_the_query(web: Api) -> None:
    event = {
        "channel": "web",
        "type": "page",
        "anonymousId": "a1",
        "userId": "",
        "groupId": "",
        "properties": {"path": "/pricing", "initial_referrer": "$direct"},
        "context": {"traits": {"email": "ada@example.com"}, "page": {"path": "/pricing"}},
        "originalTimestamp": THEN,
        "sentAt": SENT,
        "messageId": "m1",
    }
    path = f"/beacon/v1/batch?writeKey={web.keys['write']}"
    assert accepted(await send(web, path, {"batch": [event], "sentAt": SENT}, Content_Type="text/plain")) == (1, 0)
    assert accepted(await send(web, path, b"", Content_Type="text/plain")) == (0, 0)
    assert (await web.lead(anonymous_id="a1"))["event_count"] == 1


async def test_rudder_browser_posts_each_event_with_its_anonymous_id_in_a_header(web: Api) -> None:
    event = {"type": "identify", "anonymousId": "a1", "userId": "u1", "context": {"traits": {"plan": "pro"}}}
    headers: dict[str, Any] = {"Content_Type": "application/json", "AnonymousId": "YTE=", "Authorization": basic(web)}
    assert accepted(await send(web, "/v1/identify", event | {"sentAt": SENT, "messageId": "m1"}, **headers)) == (1, 0)
    assert (await web.lead(user_id="u1"))["traits"]["plan"] == "pro"


def chunks(data: bytes) -> Iterator[bytes]:
    return (data[start : start + 100] for start in range(0, len(data), 100))


async def test_mobile_clients_send_chunked_gzip_without_a_length(web: Api) -> None:
    message = {
        "type": "screen",
        "name": "Home",
        "anonymousId": "a1",
        "context": {"device": {"id": "d1"}, "traits": {"anonymousId": "a1"}},
        "properties": {},
        "timestamp": "2026-03-10T12:00:50.000+0000",
        "messageId": "m1",
    }
    data = gzip.compress(json.dumps({"batch": [message], "sentAt": SENT, "context": {}}).encode())

    async def body() -> Any:
        for chunk in chunks(data):
            yield chunk

    headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip", "Authorization": basic(web)}
    assert accepted(await web.client.post("/v1/b", content=body(), headers=headers)) == (1, 0)
    [event] = await web.events(anonymous_id="a1")
    assert (event["name"], event["occurred_at"]) == ("Screen Viewed", ARRIVED)


async def test_php_and_ruby_import_their_collected_messages(web: Api) -> None:
    message = {
        "type": "track",
        "userId": 42,
        "event": "Signed Up",
        "timestamp": "2026-03-10T11:59:50",
        "messageId": "m1",
    }
    answer = await send(
        web, "/v1/import", {"batch": [message]}, Content_Type="application/json", Authorization=basic(web)
    )
    assert (answer.status_code, accepted(answer)) == (200, (1, 0))
    [event] = await web.events(user_id="42")
    assert event["occurred_at"] == ARRIVED
