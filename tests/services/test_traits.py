"""Traits that only secret keys set: what public keys say of them is stored and does not count, whatever came first."""

from datetime import timedelta
from typing import Any

import pytest

from app.scoring.engine import compile_model
from app.services.dry_runs import dry_run
from app.services.previews import preview
from tests.services.harness import NOW, Service, alias, days_ago, event, small_model

GUARDED = small_model(traits={"size": {"trusted": True}})
ATTEMPTS = "leadscore_untrusted_traits_total"

crm = event("u1", at=days_ago(2), trusted=True, source="crm", traits={"size": 60, "city": "Ulm"})
page = event("u1", at=days_ago(1), traits={"size": 1, "city": "Köln"})


async def fit(service: Service) -> float:
    return (await service.lead("u1")).evaluation.values["fit"]


@pytest.mark.parametrize(
    "batches", [[[crm], [page]], [[page], [crm]], [[crm, page]]], ids=["crm first", "page first", "together"]
)
async def test_a_page_does_not_overwrite_what_the_crm_said(service: Service, batches: Any) -> None:
    await service.publish(GUARDED)
    for batch in batches:
        await service.ingest(*batch)
    lead = await service.lead("u1")
    assert lead.evaluation.values["fit"] == 20
    assert lead.evaluation.traits == {"size": 60, "city": "Köln"}


@pytest.mark.parametrize("said", [1, None, [60, 70], {"size": 60}])
async def test_what_only_pages_say_is_unknown(service: Service, said: Any) -> None:
    await service.publish(GUARDED)
    await service.ingest(event("u1", traits={"size": said}))
    assert "size" not in (await service.lead("u1")).evaluation.traits


async def test_a_model_that_changes_the_list_needs_no_event_read(service: Service) -> None:
    await service.ingest(crm, page)
    assert await fit(service) == 0
    for model, points in ((GUARDED, 20), (small_model(traits={"size": {}}), 0), (GUARDED, 20)):
        await service.publish(model)
        assert await fit(service) == points  # on the spot
        await service.roll_out()
        assert await fit(service) == points


async def test_merged_leads_keep_who_said_what(service: Service) -> None:
    await service.publish(GUARDED)
    await service.ingest(event("u2", trusted=True, at=days_ago(3), traits={"size": 60}), page)
    await service.ingest(alias("u1", "u2"))
    assert await fit(service) == 20


async def test_the_kind_of_an_address_follows_the_address_that_is_believed(service: Service) -> None:
    await service.publish(small_model(traits={"email": {"trusted": True}}))
    await service.ingest(event("u1", trusted=True, at=days_ago(2), traits={"email": "ada@acme.example"}))
    await service.ingest(event("u1", traits={"email": "ada@gmail.com"}))
    assert (await service.lead("u1")).evaluation.traits["email_kind"] == "work"


async def test_a_flood_of_traits_washes_out_none_that_is_trusted(service: Service) -> None:
    await service.publish(GUARDED)
    await service.ingest(crm)
    for number in range(2):
        await service.ingest(event("u1", traits={f"t{number}_{each}": each for each in range(400)}))
    assert await fit(service) == 20


async def test_events_that_try_are_counted_when_they_are_stored_and_not_again(service: Service) -> None:
    await service.publish(GUARDED)
    await service.ingest(crm, page, page, event("u2", traits={"city": "Ulm"}), event("u2", traits={"size": None}))
    await service.ingest(page)
    assert service.measured(ATTEMPTS) == 2


async def test_nothing_is_counted_where_the_model_trusts_everybody(service: Service) -> None:
    await service.ingest(page)
    assert service.measured(ATTEMPTS) == 0


async def test_looking_back_believes_whom_the_model_of_then_believed(service: Service) -> None:
    await service.ingest(crm, page)
    lead_id = (await service.lead("u1")).lead.id
    service.clock.now = NOW + timedelta(hours=1)
    await service.publish(GUARDED)
    later = NOW + timedelta(hours=2)
    values = [
        (await service.leads.score(lead_id, moment, later, version)).evaluation.values["fit"]
        for moment, version in ((NOW, None), (later - timedelta(minutes=1), None), (NOW, 2), (later, 1))
    ]
    assert values == [0, 20, 20, 0]


async def test_a_preview_tells_what_trusting_fewer_would_change(service: Service) -> None:
    rungs = [{"name": "interest"}, {"name": "big", "when": {"score": "fit", "gte": 20}}]
    await service.publish(small_model(stages=rungs))
    await service.ingest(event("u1", traits={"size": 60}), event("u2", trusted=True, traits={"size": 60}))
    candidate = compile_model(small_model(stages=rungs, traits=GUARDED.model_dump()["traits"]), 0)
    found = (await preview(service.database, service.models, candidate, NOW)).preview
    assert dict(found.moves) == {("big", "interest"): 1, ("big", "big"): 1}


@pytest.mark.parametrize(("trusted", "points"), [(True, 20), (False, 0)])
def test_messages_are_tried_with_the_trust_of_their_key(trusted: bool, points: float) -> None:
    message = {"type": "identify", "traits": {"size": 60}}
    evaluation, _ = dry_run(compile_model(GUARDED, 1), [message], NOW, None, trusted=trusted)
    assert evaluation.values["fit"] == points
