"""Timelines: every change of stage is on one page of a lead's events."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from app.documents.leads import EventDocument, TransitionDocument
from app.screen.timelines import between
from tests.api.harness import Api, accepted
from tests.screen.harness import Browser

MIDNIGHT = datetime(2026, 3, 4, tzinfo=UTC)
MINUTES = st.integers(0, 30).map(lambda minutes: MIDNIGHT + timedelta(minutes=minutes))


def event(at: datetime) -> EventDocument:
    named: dict[str, Any] = dict.fromkeys(("type", "name", "source", "message_id"), "x")
    empty: dict[str, Any] = {"identities": [], "properties": {}, "context": {}, "traits": {}}
    return EventDocument(id=uuid7(), occurred_at=at, received_at=at, retraction_id=None, **named, **empty)


def transition(at: datetime) -> TransitionDocument:
    stages = {"from_stage": "a", "to_stage": "b"}
    return TransitionDocument(
        id=uuid7(), lead_id=uuid7(), **stages, at=at, cause="time", model_version=1, scores={}, notify=True
    )


@given(st.lists(st.lists(MINUTES, min_size=1, max_size=4), min_size=1, max_size=4), st.lists(MINUTES))
def test_every_transition_is_on_one_page(sizes: Sequence[Sequence[datetime]], moments: Sequence[datetime]) -> None:
    latest_first = iter(sorted((at for page in sizes for at in page), reverse=True))
    pages = [[event(next(latest_first)) for _ in page] for page in sizes]
    transitions = [transition(at) for at in moments]
    ends = [None, *(page[-1].occurred_at for page in pages[:-1])]
    shown = [
        each
        for page, until in zip(pages, ends, strict=True)
        for each in between(transitions, page, until, is_last=page is pages[-1])
    ]
    assert sorted(each.id for each in shown) == sorted(each.id for each in transitions)


async def test_a_page_shows_the_change_that_its_first_event_caused(api: Api, browser: Browser) -> None:
    def sent(event_name: str) -> dict[str, Any]:
        api.clock.now += timedelta(minutes=1)
        at = (api.clock.now - timedelta(seconds=1)).isoformat()
        return {"type": "track", "userId": "u1", "event": event_name, "timestamp": at}

    accepted(await api.batch(sent("Demo Requested"), key=api.keys["server"]))
    for _ in range(50):
        accepted(await api.batch(sent("Page Viewed"), key=api.keys["server"]))
    lead = await api.lead(user_id="u1")
    events = await api.told(f"/v1/leads/{lead['id']}/events")
    path = f"/ui/leads/{lead['id']}/events"
    assert "Became Sales" not in await browser.page(path)
    assert "Became Sales" in await browser.page(f"{path}?cursor={events['next_cursor']}")
