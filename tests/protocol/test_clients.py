"""What real client libraries put on the wire, from the bytes to the event.

The bodies have the shapes that PROTOCOL.md records of each library; the values are made up.
"""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from app.protocol.batches import body_write_key, read_batch
from app.protocol.body import decompress, is_json, parse_json
from app.protocol.messages import Sender, read_message
from app.scoring.events import Event

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
SENDER = Sender("website", trusted=False)
LIMIT = 4 * 1024 * 1024


def receive(document: Any, *, gzipped: bool = False) -> Any:
    data = json.dumps(document).encode()
    body = decompress(gzip.compress(data), "gzip", LIMIT) if gzipped else decompress(data, None, LIMIT)
    assert is_json(body)
    return parse_json(body)


def only(document: Any) -> Event:
    [message] = read_batch(document, sender=SENDER, received_at=NOW)
    assert message.event is not None, message.error
    return message.event


def identities(event: Event) -> list[str]:
    return [str(identity) for identity in event.identities]


def test_segment_python_sends_batches_with_microseconds_and_a_numeric_zone() -> None:
    message = {
        "type": "track",
        "event": "Trial Started",
        "userId": "u1",
        "anonymousId": None,
        "properties": {"plan": "pro"},
        "integrations": {},
        "timestamp": "2025-06-01T11:59:50.123456+00:00",
        "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
        "messageId": "8f4c2f1e-4c0e-4c7a-a7de-3c1b0f0c7e5d",
    }
    event = only(receive({"batch": [message], "sentAt": "2025-06-01T12:00:00.000000+00:00"}, gzipped=True))
    assert (event.name, identities(event)) == ("Trial Started", ["user_id:u1"])
    assert event.occurred_at == datetime(2025, 6, 1, 11, 59, 50, 123456, tzinfo=UTC)


def test_segment_node_sends_the_write_key_and_the_time_of_sending_with_the_batch() -> None:
    message = {
        "type": "identify",
        "userId": "u1",
        "traits": {"email": "Ada@Example.com"},
        "timestamp": "2025-06-01T08:59:50.000Z",
        "context": {"library": {"name": "@segment/analytics-node", "version": "3.1.0"}},
        "messageId": "node-next-1748779190000-1a2b",
    }
    document = receive({"batch": [message], "writeKey": "k1", "sentAt": "2025-06-01T09:00:00.000Z"})
    event = only(document)
    assert body_write_key(document) == "k1"
    assert identities(event) == ["user_id:u1", "email:ada@example.com"]
    assert event.occurred_at == NOW - timedelta(seconds=10)


def test_rudder_identifies_by_the_traits_in_the_context_alone() -> None:
    message = {
        "type": "identify",
        "channel": "server",
        "userId": "",
        "anonymousId": "a1",
        "originalTimestamp": "2025-06-01T11:59:50.000Z",
        "sentAt": "2025-06-01T12:00:00.000Z",
        "context": {"traits": {"email": "ada@example.com", "plan": "pro"}, "library": {"name": "rudder"}},
        "messageId": "m1",
    }
    event = only(receive({"batch": [message]}, gzipped=True))
    assert identities(event) == ["email:ada@example.com", "anonymous_id:a1"]
    assert event.traits == {"email": "ada@example.com", "plan": "pro"}
    assert event.occurred_at == NOW - timedelta(seconds=10)


def test_analytics_next_posts_a_page_with_its_address_in_the_context() -> None:
    document = receive(
        {
            "timestamp": "2025-06-01T11:59:59.900Z",
            "integrations": {},
            "userId": None,
            "anonymousId": "6c9a4c3e-1f0a-4f3e-9d6c-0d7e8a9b0c1d",
            "type": "page",
            "properties": {"path": "/pricing", "title": "Pricing"},
            "context": {"page": {"path": "/pricing"}, "campaign": {"source": "news"}},
            "messageId": "ajs-next-1748779199900-6c9a",
            "writeKey": "k1",
            "sentAt": "2025-06-01T12:00:00.000Z",
            "_metadata": {"bundled": ["Segment.io"], "unbundled": [], "bundledIds": []},
        }
    )
    event = read_message(document, type="page", sender=SENDER, received_at=NOW)
    assert event.name == "Page Viewed"
    assert event.context["page"] == {"path": "/pricing"}
    assert event.occurred_at == NOW - timedelta(milliseconds=100)


def test_analytics_next_aliases_a_user_with_itself() -> None:
    document = receive({"type": "alias", "userId": "u1", "previousId": "u1", "anonymousId": "a1"})
    event = read_message(document, type="alias", sender=SENDER, received_at=NOW)
    assert identities(event) == ["user_id:u1", "anonymous_id:u1", "anonymous_id:a1"]


def test_phones_send_batches_with_a_context_of_their_own_per_message() -> None:
    message = {
        "type": "screen",
        "name": "Home",
        "anonymousId": "a1",
        "context": {"device": {"id": "d1"}, "traits": {"anonymousId": "a1"}},
        "properties": {},
        "timestamp": "2025-06-01T11:59:50.123+0000",
        "messageId": "m1",
    }
    event = only(receive({"batch": [message], "sentAt": "2025-06-01T12:00:00.123Z", "context": {}}, gzipped=True))
    assert (event.name, event.properties) == ("Screen Viewed", {"name": "Home"})
    assert event.occurred_at == NOW - timedelta(seconds=10)
