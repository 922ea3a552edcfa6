"""90 days of an invented company, as the messages that its website, product and CRM would have sent."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from app.demo.journeys import journey
from app.demo.messages import Sent, Source
from app.demo.people import DAYS, invent_people

VISITORS = 2_000
LEADS = 300
SEED = 20

BROKEN: tuple[tuple[float, Source, dict[str, Any]], ...] = (  # days ago
    (8.3, "website", {"type": "track", "userId": "undefined", "event": "Newsletter Subscribed"}),
    (6.1, "website", {"type": "identify", "traits": {"email": "not an address"}}),
    (3.2, "product", {"type": "track", "userId": "demo-user-7"}),
    (1.4, "website", {"type": "trak", "anonymousId": "demo-visitor-9", "event": "Article Read"}),
    (0.2, "crm", {"type": "track", "event": "Order Completed", "properties": {"total": 1_200}}),
)


def invent(now: datetime, *, visitors: int = VISITORS, leads: int = LEADS) -> list[Sent]:
    """The messages up to `now`, the oldest first: always the same ones, relative to `now`.

    Some are broken, as they always are.
    """
    random = Random(SEED)
    people = list(invent_people(random, now, visitors, leads))
    sent = [each for person in people for each in journey(random, person, now)]
    sent += [Sent(now - timedelta(days=days), source, message) for days, source, message in BROKEN]
    return _numbered(sorted((each for each in sent if each.at <= now), key=lambda each: each.at))


def begins_at(now: datetime) -> datetime:
    """A moment before the first message."""
    return now - timedelta(days=DAYS, hours=1)


def _numbered(sent: list[Sent]) -> list[Sent]:
    return [
        each._replace(message={**each.message, "messageId": f"demo-{number}"}) for number, each in enumerate(sent, 1)
    ]
