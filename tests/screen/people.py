"""People to look at: some with much behind them, one with nothing, and some whose names attack the page."""

from datetime import datetime, timedelta
from typing import Any

from tests.api.harness import Api, accepted

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "{{ 7 * 7 }}{% raw %}",
    "\u202eevil\u2066",
    '=HYPERLINK("https://evil.example")',
    "x" * 900,
)
BUYER = "buyer@example.com"


async def send_people(api: Api) -> None:
    accepted(await api.batch(*people(api.clock.now), key=api.keys["server"]))


def people(now: datetime) -> list[dict[str, Any]]:
    """A busy buyer, a visitor, and one person for each hostile text, which is all over them."""
    visit = {"type": "page", "anonymousId": "device-c4d291b3", "context": {"page": {"path": "/pricing"}}}
    return [*buyer(now), visit, *(each for number, text in enumerate(HOSTILE) for each in hostile(number, text))]


def buyer(now: datetime) -> list[dict[str, Any]]:
    """An MQL with a trial, a webinar, more reading than counts, and traits that fit."""

    def track(event: str, days_ago: int, **properties: Any) -> dict[str, Any]:
        at = now - timedelta(days=days_ago, hours=1)
        return {"type": "track", "event": event, "userId": "b1", "timestamp": at.isoformat(), "properties": properties}

    traits = {"email": BUYER, "name": "Ada Byron", "company": "Engines", "company_size": 80, "job_title": "Head of X"}
    reading = [track("Page Viewed", day, path="/pricing") for day in (0, 1, 2)]
    reading += [track("Article Read", day, title="Five") for day in (0, 0, 1, 1, 3, 3)]
    others = [track("Trial Started", 3), track("Webinar Attended", 11), track("Newsletter Subscribed", 40)]
    return [{"type": "identify", "userId": "b1", "anonymousId": "device-7c3f09e2", "traits": traits}, *reading, *others]


def hostile(number: int, text: str) -> list[dict[str, Any]]:
    short = text[:200]
    traits = {"email": f"h{number}@example.com", "name": text, "company": text, "job_title": text, short: text}
    properties = {"path": text, "title": text, "plan": text, short: text}
    context = {"page": {"path": text, "referrer": text, "title": text}}
    user = {"userId": f"h{number}-{text.replace('{', '<')}"[:150]}  # braces are those of an unfilled template
    return [
        {"type": "identify", **user, "traits": traits},
        {"type": "track", "event": "Demo Requested", **user, "properties": properties, "context": context},
        {"type": "track", "event": short, **user, "properties": properties, "context": context},
    ]
