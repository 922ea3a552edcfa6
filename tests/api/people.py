"""People for tests: what they did, as messages."""

from datetime import timedelta
from typing import Any

from tests.api.harness import Api, accepted, page_view, track
from tests.services.harness import NOW


def ago(**time: float) -> str:
    return (NOW - timedelta(**time)).isoformat()


async def ingest(api: Api, *messages: dict[str, Any]) -> None:
    assert accepted(await api.batch(*messages, key=api.keys["server"])) == (len(messages), 0)


async def ladder(api: Api) -> None:
    """Four people on four rungs, seen one hour after the other."""
    await ingest(
        api,
        page_view(anonymousId="a1", timestamp=ago(hours=4)),
        newsletter(userId="lead", timestamp=ago(hours=3)),
        track(userId="sql", timestamp=ago(hours=2)),
        track("Order Completed", userId="customer", timestamp=ago(hours=1)),
    )


def newsletter(**fields: Any) -> dict[str, Any]:
    return track("Newsletter Subscribed", context={"traits": {"email": "l@example.com"}}, **fields)


def names(page: Any) -> list[str]:
    """Who is on a page of leads, in order."""
    return [next(value for values in lead["identities"].values() for value in values) for lead in page["data"]]
