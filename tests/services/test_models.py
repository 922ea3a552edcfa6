"""Activating a model, and recounting leads that were counted by another model."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.errors import NotFound
from app.scoring.document import ScoringModel
from app.scoring.engine import compile_model
from app.services.models import ActiveModels, starter
from app.services.publishing import install_starter
from app.storage import models as model_store
from app.storage import rollouts as rollout_store
from app.storage.db import Database
from tests.services.harness import NOW, Service, days_ago, event, serving, small_model, with_signal
from tests.services.rebuild import event_log, rebuilt, stored

OTHER = with_signal("pricing", {"on": ["Page Viewed"]})  # whatever the page
FINGERPRINT, OTHER_FINGERPRINT = (
    compile_model(each, 1).signals["pricing"].fingerprint for each in (small_model(), OTHER)
)

RUNG = [{"name": "interest"}]
VIEWS = [("/pricing", 0), ("/pricing", 1), ("/blog", 1)]


def views() -> list[Any]:
    pages = [{"page": {"path": path}} for path, _ in VIEWS]
    return [
        event("u1", name="Page Viewed", context=page, at=days_ago(days))
        for page, (_, days) in zip(pages, VIEWS, strict=True)
    ]


async def tally_of(service: Service, key: str = "u1") -> dict[str, int]:
    """The stored hits by fingerprint."""
    view = await service.lead(key)
    return {fingerprint: sum(days.values()) for fingerprint, days in view.lead.facts.tally.items()}


async def assert_rebuilt(service: Service, model: ScoringModel, version: int) -> None:
    compiled = compile_model(model, version)
    log = await event_log(service.database)
    assert await stored(service.database) == rebuilt(log, lambda _: (compiled, service.clock.now))


# --- Which one is active ----------------------------------------------------------------------------------------


async def test_a_database_without_a_model_says_what_to_do(database_url: str) -> None:
    database = Database(database_url)
    async with database.read() as connection:
        with pytest.raises(NotFound, match="leadscore model publish"):
            await ActiveModels().active(connection)
    await database.close()


async def test_replicas_starting_together_install_the_starter_once(database_url: str) -> None:
    replicas = [Database(database_url) for _ in range(5)]
    await asyncio.gather(*(install_starter(each, lambda: NOW) for each in replicas))
    async with replicas[0].read() as connection:
        assert await rollout_store.active_version(connection) == 1
        assert await model_store.get(connection, 2) is None
        assert (await ActiveModels().active(connection)).document == starter()
    for each in replicas:
        await each.close()


async def test_applying_the_same_document_concurrently_makes_one_version(service: Service) -> None:
    applied = await asyncio.gather(*(service.publish(OTHER) for _ in range(8)))
    assert applied == [2] * 8


async def test_applying_different_documents_concurrently_makes_a_version_each(service: Service) -> None:
    documents = [small_model(name=f"model {number}") for number in range(8)]
    applied = await asyncio.gather(*(service.publish(each) for each in documents))
    assert sorted(applied) == list(range(2, 10))


async def test_the_starter_does_not_replace_a_model(service: Service) -> None:
    await install_starter(service.database, service.clock)
    async with service.database.read() as connection:
        assert (await service.models.active(connection)).document == small_model()


async def test_applying_the_active_document_makes_no_version(service: Service) -> None:
    assert [await service.publish(small_model()) for _ in range(2)] == [1, 1]


async def test_true_instead_of_1_makes_a_version(service: Service) -> None:
    for number, operand in enumerate((1, True, 1), start=2):
        big = {"when": {"trait": "size", "eq": operand}, "points": 20}
        assert await service.publish(small_model(scores={"fit": {"rules": {"big": big}}}, stages=RUNG)) == number


async def test_another_document_is_active_immediately_as_the_next_version(service: Service) -> None:
    assert await service.publish(OTHER) == 2
    async with service.database.read() as connection:
        assert (await service.models.active(connection)).document == OTHER


async def test_another_replica_sees_the_new_model_immediately(service: Service, database_url: str) -> None:
    async with serving(database_url) as other:
        await other.ingest(*views())
        await service.publish(OTHER)
        await other.ingest(event("u1", name="Unheard Of"))
        assert (await stored(other.database))[("user_id:u1",)]["model_version"] == 2


# --- Recounting -------------------------------------------------------------------------------------------------


async def test_a_changed_signal_is_recounted_and_the_old_count_dropped(service: Service) -> None:
    await service.ingest(*views())
    assert await tally_of(service) == {FINGERPRINT: 2}
    await service.publish(OTHER)
    await service.roll_out()
    assert await tally_of(service) == {OTHER_FINGERPRINT: 3}
    await assert_rebuilt(service, OTHER, 2)


async def test_a_recounted_lead_counts_as_updated_even_if_its_scores_are_the_same(service: Service) -> None:
    await service.ingest(event("u1", name="Unheard Of"))
    model = with_signal("used", {"on": ["Unheard Of"]})  # no longer matches any event when it is recounted
    service.clock.now = NOW + timedelta(days=31)
    await service.publish(model)
    await service.roll_out()
    assert (await service.lead("u1")).lead.scores == {"engagement": 0, "fit": 0}
    await assert_rebuilt(service, model, 2)


async def test_new_points_need_no_recount(service: Service) -> None:
    await service.ingest(*views())
    dearer = small_model(scores={"engagement": {"rules": {"pricing": {"signal": "pricing", "points": 7}}}})
    await service.publish(dearer)
    await service.roll_out()
    assert await tally_of(service) == {FINGERPRINT: 2}
    assert (await service.lead("u1")).lead.scores == {"engagement": 14}
    await assert_rebuilt(service, dearer, 2)


async def test_going_back_to_a_version_counts_events_received_meanwhile(service: Service) -> None:
    await service.ingest(*views())
    for model in (OTHER, small_model()):
        await service.publish(model)
        await service.roll_out()
        await service.ingest(*views())
    assert await tally_of(service) == {FINGERPRINT: 6}
    await assert_rebuilt(service, small_model(), 3)


async def test_ingestion_before_the_rollout_brings_a_lead_up_to_date(service: Service) -> None:
    await service.ingest(*views(), event("u2"))
    await service.publish(OTHER)
    await service.ingest(*views()[:1])
    state = await stored(service.database)
    assert await tally_of(service) == {OTHER_FINGERPRINT: 4}
    assert {key: row["model_version"] for key, row in state.items()} == {("user_id:u1",): 2, ("user_id:u2",): 1}


async def test_merging_leads_of_two_versions_counts_both(service: Service) -> None:
    await service.ingest(*views(), event("a1", name="Page Viewed"))
    await service.publish(OTHER)
    await service.ingest(event("a1", name="Unheard Of"))
    await service.ingest(event("u1", "a1", name="Unheard Of"))
    assert await tally_of(service) == {OTHER_FINGERPRINT: 4}
    await assert_rebuilt(service, OTHER, 2)


async def test_a_read_before_the_rollout_uses_the_active_model(service: Service) -> None:
    await service.ingest(*views())
    everything = {"engagement": {"rules": {"pricing": {"signal": "pricing", "points": 7}}}}
    model = small_model(
        signals=OTHER.model_dump(mode="json", by_alias=True, exclude_unset=True)["signals"], scores=everything
    )
    await service.publish(model)
    view = await service.lead("u1")
    assert (view.evaluation.values, view.evaluation.model.version, view.lead.model_version) == (
        {"engagement": 21},
        2,
        1,
    )


async def test_leaving_a_removed_stage_has_the_model_as_its_cause(service: Service) -> None:
    await service.ingest(event("u1"))
    await service.publish(small_model(stages=[{"name": "all"}]))
    await service.roll_out()
    lead = await service.lead("u1")
    found = (await service.leads.transitions(lead.lead.id, None, 1)).items
    change = found[0].transition
    assert (change.from_stage, change.to_stage, change.cause, change.model_version) == ("sql", "all", "model", 2)


async def test_a_stopped_rollout_continues_where_it_was(service: Service) -> None:
    await service.ingest(*(event(f"u{number}") for number in range(6)))
    await service.publish(OTHER)
    done: list[int] = []

    def on_chunk(count: int, _stage_changes: object) -> bool:
        done.append(count)
        return len(done) != 2

    assert not await service.roll_out(2, on_chunk)
    assert await service.roll_out(2, on_chunk)
    assert done == [2, 2, 2, 0]
