"""Lead queries: by id, by identity, lists with filters and cursors, and past scores."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.errors import NotFound
from app.services.leads import EventPosition, LeadView, LoggedEvent
from app.services.publishing import activate
from app.services.sweep import sweep_due
from tests.services.harness import NOW, Service, days_ago, event, serving, small_model, who, with_keep

TOMORROW = NOW + timedelta(days=1)


# --- One lead ---------------------------------------------------------------------------------------------------


async def test_a_lead_is_evaluated_as_of_now(service: Service) -> None:
    await service.ingest(event("u1"))
    lead_id = (await service.lead("u1")).lead.id
    stages = [(await service.leads.get(lead_id, NOW + timedelta(days=days))).standing.stage for days in (0, 13, 14, 30)]
    assert stages == ["sql", "sql", "mql", "interest"]


async def test_a_lead_is_read_in_one_query_with_the_same_answers(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.ingest(event("u1", "a1"), event("u1", "e1@x"))
    found = await service.lead("u1")
    score = await service.leads.score_by(found.lead.id, found.evaluation.model, None, NOW)
    monkeypatch.setattr(service.database, "read", pytest.fail)  # what takes several queries
    assert await service.leads.get(found.lead.id, NOW) == found
    assert await service.leads.score(found.lead.id, None, NOW) == score


async def test_several_leads_are_found_by_the_ids_that_they_ever_had(service: Service) -> None:
    await service.ingest(event("a1"), event("u2"))
    merged, other = [(await service.lead(key)).lead.id for key in ("a1", "u2")]
    await service.ingest(event("u1", name="Page Viewed"), event("u1", "a1"))
    found = await service.leads.get_many([merged, other, UUID(int=0)], NOW)
    assert found == {lead_id: await service.leads.get(lead_id, NOW) for lead_id in (merged, other)}


async def test_a_lead_reports_its_next_change(service: Service) -> None:
    await service.ingest(event("u1"))
    change = (await service.lead("u1")).next_change
    assert change is not None
    assert (change.on, change.stage) == ((NOW + timedelta(days=14)).date(), "mql")


async def test_a_lead_has_its_identities_by_kind_in_order(service: Service) -> None:
    await service.ingest(event("u1", "a2", "e1@x"), event("u1", "a1"))
    assert (await service.lead("a2")).identities == {
        "user_id": ["u1"],
        "email": ["e1@x"],
        "phone": [],
        "anonymous_id": ["a1", "a2"],
    }


@pytest.mark.parametrize(("name", "ready"), [("Demo Requested", True), ("Unheard Of", False)])
async def test_a_lead_in_a_sales_ready_stage_is_sales_ready(service: Service, name: str, ready: bool) -> None:
    await service.ingest(event("u1", name=name))
    assert (await service.lead("u1")).sales_ready is ready


async def test_a_lookup_keeps_the_order_and_returns_none_for_unknown_identities(service: Service) -> None:
    await service.ingest(event("u1", "a1"), event("e2@x"))
    found = await service.leads.lookup(who("e2@x", "a9", "u1", "a1"), NOW)
    emails = [view.identities["email"] if isinstance(view, LeadView) else view for view in found]
    assert emails == [[], ["e2@x"], None, []]
    assert found[0] is found[3]
    assert await service.leads.lookup([], NOW) == []


async def test_the_same_value_of_another_kind_is_another_identity(service: Service) -> None:
    await service.ingest(event("user_id:x:1"), event("anonymous_id:x:1"))
    assert (await service.lead("user_id:x:1")).lead.id != (await service.lead("anonymous_id:x:1")).lead.id


# --- The score, now and then ------------------------------------------------------------------------------------


async def test_a_future_score_is_what_will_be_left(service: Service) -> None:
    await service.ingest(event("u1"))
    lead_id = (await service.lead("u1")).lead.id
    later = await service.leads.score(lead_id, NOW + timedelta(days=20), NOW)
    assert (later.evaluation.values["engagement"], later.stage) == (20, "mql")


async def test_a_past_score_is_what_was_served_then(service: Service) -> None:
    await service.ingest(event("u1", name="Feature Used"))
    lead_id = (await service.lead("u1")).lead.id
    served = await service.leads.score(lead_id, None, NOW)
    for days in (1, 2, 20):
        service.clock.now = NOW + timedelta(days=days)
        await service.ingest(event("u1", at=service.clock.now, received_at=service.clock.now))
        await sweep_due(service.database, service.models, service.clock.now, 10)
    again = await service.leads.score(lead_id, NOW, service.clock.now)
    assert (again.evaluation.values, again.stage, again.as_of) == (served.evaluation.values, served.stage, NOW)


async def test_a_late_event_does_not_change_past_scores(service: Service) -> None:
    await service.ingest(event("u1", name="Unheard Of"))
    service.clock.now = TOMORROW
    await service.ingest(event("u1", at=days_ago(1), received_at=TOMORROW))
    lead_id = (await service.lead("u1")).lead.id
    scores = [(await service.leads.score(lead_id, moment, TOMORROW)) for moment in (NOW, TOMORROW)]
    assert [each.evaluation.values["engagement"] for each in scores] == [0, 25]
    assert [each.stage for each in scores] == ["interest", "sql"]


async def test_a_past_score_uses_the_model_active_then(service: Service) -> None:
    await service.ingest(event("u1"))
    dearer = {"engagement": {"rules": {"demo": {"signal": "demo", "points": 50}}}}
    await activate(service.database, small_model(scores=dearer), lambda: TOMORROW)
    lead_id = (await service.lead("u1")).lead.id
    before, after = [await service.leads.score(lead_id, moment, TOMORROW) for moment in (NOW, TOMORROW)]
    assert (before.evaluation.model.version, before.evaluation.values["engagement"]) == (1, 25)
    assert (after.evaluation.model.version, after.evaluation.values["engagement"]) == (2, 50)


async def test_a_stage_kept_at_a_past_moment_is_the_stage_of_that_moment(database_url: str) -> None:
    async with serving(database_url, with_keep()) as service:
        await service.ingest(*(event("u1", name="Feature Used") for _ in range(6)))  # 24 points, fading over 10 days
        lead_id = (await service.lead("u1")).lead.id
        await sweep_due(service.database, service.models, NOW + timedelta(days=6), 10)
        moments = [NOW + timedelta(days=days) for days in (5, 6)]
        found = [await service.leads.score(lead_id, moment, NOW + timedelta(days=7)) for moment in moments]
        assert [each.stage for each in found] == ["mql", "interest"]


async def test_a_moment_before_the_first_event_is_not_found(service: Service) -> None:
    await service.ingest(event("u1"))
    with pytest.raises(NotFound, match=r"at that moment\. Choose a later one"):
        await service.leads.score((await service.lead("u1")).lead.id, days_ago(2), NOW)


# --- Events and transitions -------------------------------------------------------------------------------------


async def test_the_events_of_a_lead_are_paged_latest_first(service: Service) -> None:
    sent = [event("u1", at=days_ago(days)) for days in (0, 1, 1, 1, 2)]
    await service.ingest(*sent, event("u2"))
    lead_id = (await service.lead("u1")).lead.id
    first = await service.leads.events(lead_id, None, 2)
    assert first.last is not None
    rest = await service.leads.events(lead_id, EventPosition(first.last.event.occurred_at, first.last.event.id), 3)
    assert [logged.event for logged in (*first.items, *rest.items)] == [sent[0], *reversed(sent[1:4]), sent[4]]
    assert (len(first.items), rest.last) == (2, None)


async def test_a_merged_lead_has_the_events_of_both(service: Service) -> None:
    await service.ingest(event("a1"), event("u1"))
    retired = (await service.lead("a1")).lead.id
    await service.ingest(event("u1", "a1"))
    assert len((await service.leads.events(retired, None, 10)).items) == 3


async def test_the_transitions_of_a_lead_are_paged_latest_first(service: Service) -> None:
    await service.ingest(event("u1"))
    for days in (14, 30):
        await sweep_due(service.database, service.models, NOW + timedelta(days=days), 10)
    lead_id = (await service.lead("u1")).lead.id
    first = await service.leads.transitions(lead_id, None, 2)
    assert first.last is not None
    rest = await service.leads.transitions(lead_id, first.last.id, 2)
    assert [each.transition.to_stage for each in [*first.items, *rest.items]] == ["interest", "mql", "sql"]
    assert rest.last is None


async def test_a_merged_lead_has_the_transitions_of_both(service: Service) -> None:
    await service.ingest(event("a1"), event("u1"))
    await service.ingest(event("u1", "a1"))
    found = (await service.leads.transitions((await service.lead("u1")).lead.id, None, 10)).items
    assert len({each.lead_id for each in found}) == len(found) == 2


async def test_events_are_returned_as_they_were_sent(service: Service) -> None:
    values = {"text": "Köln 🚀 \u2028", "nested": {"b": [1, 2.5, None, True], "a": {}}, "big": 2**63 - 1, "": ""}
    sent = event("u1", "e1@x", properties=values, context=values, traits=values, trusted=True, at=days_ago(0.123456))
    await service.ingest(sent)
    assert (await service.leads.events((await service.lead("u1")).lead.id, None, 10)).items == [LoggedEvent(sent, None)]


async def test_an_event_in_the_year_1_is_accepted(service: Service) -> None:
    sent = event("u1", at=datetime(1, 1, 1, tzinfo=UTC))  # Go's zero time
    await service.ingest(sent)
    await service.ingest(event("u1"))
    lead = (await service.lead("u1")).lead
    assert (lead.facts.first_seen_at, lead.facts.last_seen_at) == (sent.occurred_at, NOW)
    assert (await service.leads.events(lead.id, None, 10)).items[-1].event == sent


async def test_looking_back_before_a_merge_shows_the_lead_as_it_was(service: Service) -> None:
    await service.ingest(event("u1"), event("a1", name="Feature Used"))
    lead = await service.lead("u1")
    served = (await service.leads.score(lead.lead.id, None, NOW)).evaluation.values
    service.clock.now = TOMORROW
    await service.ingest(event("u1", "a1", name="Unheard Of", received_at=TOMORROW))
    assert (await service.leads.score(lead.lead.id, NOW, TOMORROW)).evaluation.values == served
    assert (await service.leads.score(lead.lead.id, None, TOMORROW)).evaluation.values != served
