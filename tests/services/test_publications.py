"""Renaming stages changes no lead's stage, whether it meets the stage's condition or is only kept there."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.scoring.document import ScoringModel
from app.scoring.engine import compile_model
from app.services.lead_lists import LeadQuery
from app.services.previews import preview
from app.services.sweep import sweep_due
from tests.services.harness import (
    DOCUMENT,
    NOW,
    Service,
    alias,
    changes,
    event,
    small_model,
    with_keep,
)
from tests.services.published import stop_after_a_chunk

KEPT_ON = NOW + timedelta(days=5)
"""When six features used on the first day are worth 12 points: too few for `when`, enough for `keep`."""


def named(*names: str, **fields: Any) -> ScoringModel:
    """The small model with `keep` and with these names for its stages, lowest first."""
    stages = [stage.model_dump(by_alias=True, exclude_unset=True) for stage in with_keep().stages]
    renamed = [{**stage, "name": name} for stage, name in zip(stages, names, strict=True)]
    return small_model(stages=renamed, **fields)


BEFORE = ("interest", "lead", "mql", "sql", "customer")
WARM = named("interest", "lead", "warm", "sql", "customer")
HOT = named("interest", "lead", "hot", "sql", "customer")
DEARER = {**DOCUMENT["scores"], "fit": {"rules": {"big": {"when": {"trait": "size", "gte": 50}, "points": 30}}}}


async def keep_somebody(service: Service) -> datetime:
    """u1 is kept as an mql today, u2 asked for a demo. Returns since when u1 is an mql."""
    await service.publish(with_keep())
    await service.ingest(*(event("u1", name="Feature Used") for _ in range(6)), event("u2"))
    service.clock.now = KEPT_ON
    await sweep_due(service.database, service.models, KEPT_ON, 10)
    lead = await service.lead("u1")
    assert (lead.standing.stage, lead.evaluation.values["engagement"]) == ("mql", 12)
    return lead.standing.since


async def publish(service: Service, *models: ScoringModel) -> None:
    """Publish models one after the other, with time in between."""
    for model in models:
        service.clock.now += timedelta(minutes=1)
        await service.publish(model, notify=True)


async def listed(service: Service, **query: Any) -> list[str]:
    views, _ = await service.lead_lists.page(LeadQuery(**query), None, 10, service.clock.now)
    return sorted(view.identities["user_id"][0] for view in views)


@pytest.mark.parametrize(
    ("models", "stage"),
    [
        ([WARM], "warm"),
        ([named("visitor", "contact", "warm", "hot", "won")], "warm"),
        ([named("interest", "lead", "sql", "mql", "customer")], "sql"),
        ([named("interest", "lead", "warm", "mql", "customer")], "warm"),
        ([named("interest", "lead", "warm", "sql", "customer", scores=DEARER)], "warm"),
        ([WARM, HOT], "hot"),
        ([WARM, named(*BEFORE)], "mql"),
        ([WARM, named("interest", "lead", "warm", "mql", "customer", scores=DEARER), HOT], "hot"),
    ],
    ids=["one", "all", "swapped", "handed on", "beside a change", "twice", "there and back", "thrice"],
)
@pytest.mark.parametrize("rolled_out_between", [True, False])
async def test_renaming_a_stage_changes_no_leads_stage(
    service: Service, models: Sequence[ScoringModel], stage: str, rolled_out_between: bool
) -> None:
    since = await keep_somebody(service)
    before = await changes(service, "event", "model", "time")
    for model in models:
        await publish(service, model)
        if rolled_out_between:
            await service.roll_out()
    read = await service.lead("u1")
    await service.roll_out()
    stored = await service.lead("u1")
    for lead in (read, stored):
        assert (lead.standing.stage, lead.standing.since) == (stage, since)
    assert stored.lead.standing.stage == stage
    assert await changes(service, "event", "model", "time") == before


async def test_a_renamed_stage_shows_up_when_polling_for_changes(service: Service) -> None:
    await keep_somebody(service)
    await publish(service, WARM)
    await service.roll_out()
    assert await listed(service, updated_after=KEPT_ON) == ["u1"]


async def test_an_event_before_the_rollout_changes_no_stage_either(service: Service) -> None:
    await keep_somebody(service)
    await publish(service, WARM)
    await service.ingest(event("u1", name="Unheard Of"))
    assert (await service.lead("u1")).lead.standing.stage == "warm"
    assert await changes(service, "model") == []


async def test_a_lead_leaves_a_renamed_stage_under_its_new_name(service: Service) -> None:
    await keep_somebody(service)
    await publish(service, WARM)
    await service.roll_out()
    service.clock.now += timedelta(days=3)
    await sweep_due(service.database, service.models, service.clock.now, 10)
    assert ("warm", "interest") in [change[:2] for change in await changes(service, "time")]


async def test_the_survivor_of_a_merge_keeps_its_stage(service: Service) -> None:
    since = await keep_somebody(service)
    await publish(service, WARM)
    await service.ingest(event("a9", name="Unheard Of"), alias("u1", "a9"))
    assert (await service.lead("u1")).lead.standing.since == since


async def test_leads_fall_from_a_removed_stage(service: Service) -> None:
    await keep_somebody(service)
    await publish(service, WARM, small_model())
    await service.roll_out()
    assert [change[:2] for change in await changes(service, "model") if change[4]] == [("warm", "interest")]


# --- Lists ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [0, 1, 2])
@pytest.mark.parametrize("model", [HOT, named("interest", "lead", "hot", "warm", "customer")], ids=["one", "handed on"])
async def test_a_list_finds_leads_by_the_new_name_throughout_the_rollout(
    service: Service, chunks: int, model: ScoringModel
) -> None:
    await keep_somebody(service)
    await service.roll_out()
    await publish(service, WARM, model)
    for _ in range(chunks):
        await stop_after_a_chunk(service, 1)
    assert await listed(service, stages=["hot"]) == ["u1"]
    assert await listed(service, stages=["hot", "interest"]) == ["u1"]
    assert await listed(service, sales_ready=False) == ["u1"]


async def test_a_list_does_not_find_leads_by_a_former_stage_name(service: Service) -> None:
    await keep_somebody(service)
    await publish(service, named("interest", "lead", "sql", "mql", "customer"))
    assert await listed(service, stages=["mql"]) == ["u2"]
    assert await listed(service, stages=["sql"]) == ["u1"]


# --- The past and the future ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rolled_out", [True, False])
async def test_looking_back_uses_the_stage_name_of_that_time(service: Service, rolled_out: bool) -> None:
    await keep_somebody(service)
    served: list[tuple[datetime, str]] = []
    for model in (WARM, named("interest", "lead", "sql", "warm", "customer"), named(*BEFORE)):
        await publish(service, model)
        if rolled_out:
            await service.roll_out()
        served.append((service.clock.now, (await service.lead("u1")).standing.stage))
    lead_id, later = (await service.lead("u1")).lead.id, service.clock.now + timedelta(hours=1)
    assert [stage for _, stage in served] == ["warm", "sql", "mql"]
    assert [(at, (await service.leads.score(lead_id, at, later)).stage) for at, _ in served] == served
    assert (await service.leads.score(lead_id, KEPT_ON, later)).stage == "mql"


async def test_another_models_past_score_uses_its_own_stage_names(service: Service) -> None:
    await keep_somebody(service)
    await publish(service, WARM, HOT)
    lead_id, now = (await service.lead("u1")).lead.id, service.clock.now
    versions = {version: await service.leads.score(lead_id, None, now, version) for version in (2, 3, 4)}
    assert {version: view.stage for version, view in versions.items()} == {2: "mql", 3: "warm", 4: "hot"}
    past = {version: await service.leads.score(lead_id, KEPT_ON, now, version) for version in (2, 3, 4)}
    assert {version: view.stage for version, view in past.items()} == {2: "mql", 3: "warm", 4: "hot"}


async def test_a_lead_without_stage_changes_was_always_in_the_lowest_stage(service: Service) -> None:
    await service.publish(with_keep())
    await service.ingest(event("u1", name="Feature Used"))
    lead_id = (await service.lead("u1")).lead.id
    swapped = named("mql", "lead", "interest", "sql", "customer")
    service.clock.now = NOW + timedelta(hours=1)
    await service.publish(swapped)
    await service.roll_out()
    assert (await service.lead("u1")).standing.stage == "mql"
    assert (await service.leads.score(lead_id, NOW, service.clock.now)).stage == "interest"
    assert await changes(service, "model") == []


@pytest.mark.parametrize(
    ("model", "stage"), [(WARM, "warm"), (named("interest", "lead", "sql", "mql", "customer"), "sql")]
)
@pytest.mark.parametrize("published_before", [[], [HOT]], ids=["active", "during a rollout"])
async def test_a_preview_of_a_rename_shows_no_stage_change(
    service: Service, model: ScoringModel, stage: str, published_before: Sequence[ScoringModel]
) -> None:
    await keep_somebody(service)
    await publish(service, *published_before)
    found = (await preview(service.database, service.models, compile_model(model, 0), service.clock.now)).preview
    assert (found.stage_changes, found.movers) == (0, [])
    assert found.moves[stage, stage] == 1
    assert found.stages[0] == found.stages[1]
