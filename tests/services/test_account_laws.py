"""The law of accounts: each equals a recount of its leads' messages, whatever happened to these leads."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.scoring.events import Event
from app.services import account_rollups
from app.services.erasure import erase_lead
from app.services.links import merge_leads, split_lead
from app.services.retention import delete_old_events
from app.services.retracting import work_off
from app.services.retractions import EventFilter, Retractions
from app.services.sweep import sweep_due
from app.storage import identities as identity_store
from tests.services.harness import DOCUMENT, EXAMPLES, Service, World, alias, small_model
from tests.services.histories import EMAILS, moments, numbered, one_message
from tests.services.members import Log, added_up, all_leads, counted, traits_by_log, traits_stored
from tests.services.test_accounts import RENAMED, TRUSTING, WITH_LOST, count, group

REORDERED = small_model(stages=[DOCUMENT["stages"][0], *DOCUMENT["stages"][:0:-1]])
FIT_ALONE = small_model(scores={"fit": DOCUMENT["scores"]["fit"]}, stages=DOCUMENT["stages"][:2])
MODELS = (small_model(), WITH_LOST, RENAMED, REORDERED, TRUSTING, FIT_ALONE)
STEPS = ("count", "count", "count", "turn", "publish", "roll out", "sweep", "erase")
CORRECTIONS = ("split", "join", "retract", "restore", "delete old")

KEYS = ("u1", "u2", EMAILS["1"], EMAILS["3"])
joining = st.builds(
    group, st.sampled_from(["g1", "g2"]), st.sampled_from(KEYS), moments, plan=st.sampled_from([1, None])
)
merging = st.permutations(["u1", "u2"]).map(lambda users: alias(*users))
histories = st.lists(joining | one_message(KEYS) | merging, min_size=3, max_size=10).map(numbered)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), history=histories)
def test_every_account_equals_a_recount_of_its_leads(
    world: World, monkeypatch: pytest.MonkeyPatch, data: st.DataObject, history: list[Event]
) -> None:
    monkeypatch.setattr(account_rollups, "ACCOUNTS_AT_ONCE", 1)
    world.reset()
    world.run(count(world.service))
    log = Log()
    for message in history:
        world.service.clock.now += timedelta(days=data.draw(st.sampled_from([0, 1, 16]), label="days"))
        world.ingest([message])
        world.run(log.update(world.service))
        step = data.draw(st.sampled_from(STEPS) | st.sampled_from(CORRECTIONS), label="step")
        take = _correct if step in CORRECTIONS else _take
        world.run(take(step, world.service, log, data))
        world.run(log.update(world.service))
    world.run(_check(world.service, log))


async def _take(step: str, service: Service, log: Log, data: st.DataObject) -> None:
    database, models, now = service.database, service.models, service.clock.now
    match step:
        case "publish":
            await service.publish(data.draw(st.sampled_from(MODELS), label="model"))
        case "roll out":
            is_complete = data.draw(st.booleans(), label="complete")
            await service.roll_out(1, lambda *_: is_complete)
        case "sweep":
            await sweep_due(database, models, now, 100)
        case "erase":
            leads = [lead.id for lead in await all_leads(service, log)]
            if leads:
                await erase_lead(database, models, data.draw(st.sampled_from(sorted(leads)), label="erased"), now)
        case "turn":
            await service.feed.number()
            await account_rollups.take_turn(database, models)
        case "count":
            await count(service)


async def _correct(step: str, service: Service, log: Log, data: st.DataObject) -> None:
    """Steps that operators take, and retention."""
    service.clock.now += timedelta(seconds=1)
    database, models, now = service.database, service.models, service.clock.now
    leads = sorted(lead.id for lead in await all_leads(service, log))
    match step:
        case "split" if leads:
            await _split(service, data, leads)
        case "join" if len(leads) > 1:
            await merge_leads(database, models, data.draw(st.permutations(leads))[:2], now, dry_run=False)
        case "retract" if log.counting:
            message = data.draw(st.sampled_from(sorted(each.message_id for each in log.counting)), label="retracted")
            await _retractions(service).create(EventFilter(message_ids=[message]), "wrong", "admin")
            await _work_off(service)
        case "restore":
            for view in (await _retractions(service).page(None, 1)).items:
                await _retractions(service).undo(view.retraction.id, "admin")
            await _work_off(service)
        case "delete old":
            await delete_old_events(database, models, now, now, lambda *_: True, chunk=2)


async def _split(service: Service, data: st.DataObject, leads: list[UUID]) -> None:
    lead_id = data.draw(st.sampled_from(leads), label="split")
    async with service.database.read() as connection:
        owned = sorted((await identity_store.by_lead(connection, [lead_id]))[lead_id])
    if len(owned) > 1:
        some = owned[: data.draw(st.integers(1, len(owned) - 1), label="identities")]
        await split_lead(service.database, service.models, lead_id, some, service.clock.now, dry_run=False)


def _retractions(service: Service) -> Retractions:
    return Retractions(service.database, service.models, service.clock)


async def _work_off(service: Service) -> None:
    await work_off(service.database, service.models, service.id, service.clock, lambda *_: True, chunk=1)


async def _check(service: Service, log: Log) -> None:
    await count(service)
    async with service.database.read() as connection:
        model = (await service.models.active(connection)).document
    assert await counted(service) == added_up(await all_leads(service, log), model)
    for trusted in (False, True):
        assert await traits_stored(service, trusted=trusted) == traits_by_log(log, trusted=trusted)
