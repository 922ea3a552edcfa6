"""Traits that only secret keys may set: values from public keys are stored but don't count, whatever came first."""

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
async def test_a_public_key_does_not_overwrite_the_crms_traits(service: Service, batches: Any) -> None:
    await service.publish(GUARDED)
    for batch in batches:
        await service.ingest(*batch)
    lead = await service.lead("u1")
    assert lead.evaluation.values["fit"] == 20
    assert lead.evaluation.traits == {"size": 60, "city": "Köln"}


@pytest.mark.parametrize("said", [1, None, [60, 70], {"size": 60}])
async def test_a_trait_set_only_by_public_keys_is_unknown(service: Service, said: Any) -> None:
    await service.publish(GUARDED)
    await service.ingest(event("u1", traits={"size": said}))
    assert "size" not in (await service.lead("u1")).evaluation.traits


async def test_changing_the_trusted_traits_reads_no_events(service: Service) -> None:
    await service.ingest(crm, page)
    assert await fit(service) == 0
    for model, points in ((GUARDED, 20), (small_model(traits={"size": {}}), 0), (GUARDED, 20)):
        await service.publish(model)
        assert await fit(service) == points  # evaluated when read
        await service.roll_out()
        assert await fit(service) == points


async def test_merged_leads_keep_who_set_each_trait(service: Service) -> None:
    await service.publish(GUARDED)
    await service.ingest(event("u2", trusted=True, at=days_ago(3), traits={"size": 60}), page)
    await service.ingest(alias("u1", "u2"))
    assert await fit(service) == 20


async def test_the_email_kind_follows_the_trusted_address(service: Service) -> None:
    await service.publish(small_model(traits={"email": {"trusted": True}}))
    await service.ingest(event("u1", trusted=True, at=days_ago(2), traits={"email": "ada@acme.example"}))
    await service.ingest(event("u1", traits={"email": "ada@gmail.com"}))
    assert (await service.lead("u1")).evaluation.traits["email_kind"] == "work"


async def test_many_untrusted_traits_do_not_displace_trusted_ones(service: Service) -> None:
    await service.publish(GUARDED)
    await service.ingest(crm)
    for number in range(2):
        await service.ingest(event("u1", traits={f"t{number}_{each}": each for each in range(400)}))
    assert await fit(service) == 20


async def test_events_with_untrusted_traits_are_counted_only_when_first_stored(service: Service) -> None:
    await service.publish(GUARDED)
    await service.ingest(crm, page, page, event("u2", traits={"city": "Ulm"}), event("u2", traits={"size": None}))
    await service.ingest(page)
    assert service.measured(ATTEMPTS) == 2


async def test_nothing_is_counted_if_the_model_trusts_everyone(service: Service) -> None:
    await service.ingest(page)
    assert service.measured(ATTEMPTS) == 0


async def test_looking_back_uses_the_trusted_traits_of_the_model_active_then(service: Service) -> None:
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


async def test_a_preview_shows_the_effect_of_trusting_fewer_traits(service: Service) -> None:
    rungs = [{"name": "interest"}, {"name": "big", "when": {"score": "fit", "gte": 20}}]
    await service.publish(small_model(stages=rungs))
    await service.ingest(event("u1", traits={"size": 60}), event("u2", trusted=True, traits={"size": 60}))
    candidate = compile_model(small_model(stages=rungs, traits=GUARDED.model_dump()["traits"]), 0)
    found = (await preview(service.database, service.models, candidate, NOW)).preview
    assert dict(found.moves) == {("big", "interest"): 1, ("big", "big"): 1}


@pytest.mark.parametrize(("trusted", "points"), [(True, 20), (False, 0)])
def test_dry_runs_apply_the_trust_of_the_sender(trusted: bool, points: float) -> None:
    message = {"type": "identify", "traits": {"size": 60}}
    evaluation, _ = dry_run(compile_model(GUARDED, 1), [message], NOW, None, trusted=trusted)
    assert evaluation.values["fit"] == points
