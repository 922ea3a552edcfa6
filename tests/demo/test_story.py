"""The invented company: the same for the same moment, and with something in it to find."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from app.demo.messages import Sent
from app.demo.story import begins_at, invent

NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)


def events_by_user(sent: list[Sent]) -> dict[str, list[str]]:
    """The names of the events of each person who left an address, by the number in its ids or its address."""
    people: dict[str, str] = {}
    events = defaultdict(list)
    for _, _, message in sent:
        if email := email_in(message):
            for name in ("anonymousId", "userId"):
                people[message.get(name, email)] = email
            people[email] = email
    for _, _, message in sent:
        for key in (message.get("userId"), message.get("anonymousId"), email_in(message)):
            if key in people:
                events[people[key]].append(message.get("event", message["type"]))
                break
    return events


def email_in(message: dict[str, Any]) -> str | None:
    traits = message.get("traits") or message.get("context", {}).get("traits", {})
    email: str | None = traits.get("email")
    return email if email and "@" in email else None


def test_it_is_the_same_for_the_same_moment() -> None:
    assert invent(NOW) == invent(NOW)


def test_it_moves_with_the_moment() -> None:
    later = timedelta(days=7)
    first, second = invent(NOW, visitors=50, leads=10), invent(NOW + later, visitors=50, leads=10)
    assert [each.message["messageId"] for each in first] == [each.message["messageId"] for each in second]
    assert first[0].at + later == second[0].at


def test_it_has_2000_visitors_and_300_of_them_leave_an_address() -> None:
    sent = invent(NOW)
    visitors = {each.message["anonymousId"] for each in sent if each.message["type"] == "page"}
    assert (len(visitors), len(events_by_user(sent))) == (2_000, 300)


def test_it_fills_90_days_up_to_now_in_order() -> None:
    times = [each.at for each in invent(NOW)]
    assert times == sorted(times)
    assert begins_at(NOW) < times[0] < NOW - timedelta(days=88)
    assert NOW - timedelta(hours=3) < times[-1] <= NOW


def test_who_uses_the_product_buys_more_often() -> None:
    leads = list(events_by_user(invent(NOW)).values())
    users = [events for events in leads if events.count("Feature Used") >= 5]
    others = [events for events in leads if events.count("Feature Used") < 5]
    buys = [sum("Order Completed" in events for events in group) / len(group) for group in (users, others)]
    assert min(len(users), len(others)) > 50
    assert buys[0] > 4 * buys[1] > 0
