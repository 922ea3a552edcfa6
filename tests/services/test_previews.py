"""Previews show what publishing does, change nothing, and read no more than necessary."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as hook
from sqlalchemy import select, update

from app.scoring.document import ScoringModel
from app.scoring.engine import CompiledModel, compile_model
from app.scoring.events import Event
from app.scoring.model import load_model
from app.services.models import draft
from app.services.previews import Previewed, preview
from app.services.publishing import publish
from app.services.sweep import sweep_due
from app.storage import leads as lead_store
from app.storage.db import Database
from app.storage.leads import Lead
from app.storage.tables import events, metadata
from tests.scoring.strategies import models
from tests.services.damage import damage
from tests.services.harness import (
    EXAMPLES,
    NOW,
    Service,
    World,
    changes,
    days_ago,
    event,
    small_model,
    with_keep,
    with_signal,
)
from tests.services.histories import contested, split
from tests.services.published import BEGINNERS, PRICING

DEARER = small_model(scores={"engagement": {"rules": {"demo": {"signal": "demo", "points": 50}}}})
"""Different points for signals that are already counted."""


async def previewed(service: Service, model: ScoringModel, **how: Any) -> Previewed:
    candidate = compile_model(model, version=0)
    return await preview(service.database, service.models, candidate, service.clock.now, **how)


async def all_leads(database: Database) -> dict[UUID, Lead]:
    async with database.read() as connection:
        return await lead_store.get_many(connection, await lead_store.ids_after(connection, None, 1_000))


async def contents(database: Database) -> dict[str, list[Any]]:
    """Every row of every table."""
    async with database.read() as connection:
        return {
            table.name: sorted(map(repr, await connection.execute(select(table)))) for table in metadata.sorted_tables
        }


async def some_people(service: Service) -> None:
    """Three people who asked for a demo, and two who viewed a page other than pricing."""
    page = {"page": {"path": "/blog"}}
    demos = [event(f"u{number}") for number in range(3)]
    await service.ingest(*demos, *(event(f"a{number}", name="Page Viewed", context=page) for number in range(2)))


# --- What it shows ----------------------------------------------------------------------------------------------


async def test_a_preview_counts_stage_changes(service: Service) -> None:
    await some_people(service)
    found = await previewed(service, BEGINNERS)
    assert dict(found.preview.moves) == {("sql", "interest"): 3, ("interest", "interest"): 2}
    assert (found.preview.leads, found.total, found.preview.stage_changes) == (5, 5, 3)


@pytest.mark.parametrize("hits", [{"yesterday": 1}, {"2026-03-10": ["many"]}])
async def test_a_preview_leaves_out_leads_that_can_not_be_evaluated(service: Service, hits: dict[str, Any]) -> None:
    await some_people(service)
    lead = (await service.lead("u1")).lead
    await damage(service.database, lead.id, columns={"tally": dict.fromkeys(lead.facts.tally, hits)})
    heard: list[tuple[int, int]] = []
    for sample in (None, 5):
        found = await previewed(service, BEGINNERS, sample=sample, on_progress=lambda *each: heard.append(each))
        assert (found.preview.leads, found.total) == (4, 5)
    assert heard == [(5, 5)] * 2  # they are done all the same


async def test_a_preview_recounts_a_signal_whose_definition_changes(service: Service) -> None:
    await some_people(service)
    found = (await previewed(service, PRICING)).preview
    viewers = {(await service.lead(key)).lead.id for key in ("a0", "a1")}
    assert {mover.lead_id: mover.distance for mover in found.movers} == dict.fromkeys(viewers, 3.3)
    assert [line.after and line.after.rule for line in found.movers[0].lines] == ["pricing"]


async def test_a_preview_is_as_of_now_whatever_is_stored(service: Service) -> None:
    await some_people(service)
    service.clock.now = NOW + timedelta(days=14)  # nobody is sql any longer, but the stored stages still say so
    found = (await previewed(service, BEGINNERS)).preview
    assert found.stages[0] == {"interest": 2, "lead": 0, "mql": 3, "sql": 0, "customer": 0}


async def test_a_preview_compares_with_the_active_model_even_before_its_rollout(service: Service) -> None:
    await some_people(service)
    await service.publish(BEGINNERS)
    found = (await previewed(service, small_model())).preview
    assert dict(found.moves) == {("interest", "sql"): 3, ("interest", "interest"): 2}


async def test_merged_leads_are_not_previewed(service: Service) -> None:
    await service.ingest(event("a1"), event("u1"))
    await service.ingest(event("u1", "a1"))
    found = await previewed(service, BEGINNERS)
    assert (found.preview.leads, found.total) == (1, 1)


async def test_a_kept_stage_is_kept_in_the_preview(service: Service) -> None:
    await service.ingest(*(event("u1", name="Feature Used", at=days_ago(0)) for _ in range(6)))
    service.clock.now = NOW + timedelta(days=5)  # 12 points: an mql only because the stage is kept
    found = (await previewed(service, with_keep())).preview
    assert dict(found.moves) == {("interest", "mql"): 1}


async def test_a_preview_without_leads_is_empty(service: Service) -> None:
    found = await previewed(service, BEGINNERS)
    assert (found.preview.leads, found.total, found.preview.movers) == (0, 0, [])


@pytest.mark.parametrize("model", [DEARER, PRICING, BEGINNERS], ids=["points", "signal", "stages"])
async def test_a_preview_changes_nothing(service: Service, model: ScoringModel) -> None:
    await some_people(service)
    before = await contents(service.database)
    await previewed(service, model)
    assert await contents(service.database) == before


# --- What it reads ----------------------------------------------------------------------------------------------


async def poison(service: Service, *names: str) -> None:
    """Corrupt the events with these names, so that reading one fails."""
    async with service.database.write() as connection:
        await connection.execute(update(events).where(events.c.name.in_(names)).values(identities=[0]))


async def test_no_event_is_read_if_all_signals_are_already_counted(service: Service) -> None:
    await some_people(service)
    await poison(service, "Demo Requested", "Page Viewed")
    assert (await previewed(service, DEARER)).preview.leads == 5


async def test_for_a_changed_signal_only_events_that_could_match_are_read(service: Service) -> None:
    await some_people(service)
    await poison(service, "Demo Requested")
    preview = (await previewed(service, PRICING)).preview
    assert (preview.leads, len(preview.movers)) == (5, 2)


async def test_leads_with_events_that_can_not_be_read_are_left_out(service: Service) -> None:
    await some_people(service)
    await poison(service, "Page Viewed")
    assert (await previewed(service, PRICING)).preview.leads < 5  # which also proves that the tests above can fail


async def test_a_renamed_signal_is_already_counted(service: Service) -> None:
    renamed = with_signal("asked", {"on": ["demo-requested"]})
    await some_people(service)
    await poison(service, "Demo Requested", "Page Viewed")
    preview = (await previewed(service, renamed)).preview
    assert (preview.leads, preview.stage_changes) == (5, 0)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements executed meanwhile."""
    heard: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    hook.listen(database.engine.sync_engine, "before_cursor_execute", record)
    yield heard
    hook.remove(database.engine.sync_engine, "before_cursor_execute", record)


@pytest.mark.parametrize("model", [DEARER, PRICING], ids=["points", "signal"])
async def test_more_leads_need_no_more_queries(service: Service, model: ScoringModel) -> None:
    asked: list[int] = []
    for people in (range(2), range(60)):
        await service.ingest(*(event(f"u{number}", name="Page Viewed") for number in people))
        await previewed(service, model)  # once before, because compiled models are cached
        with statements(service.database) as heard:
            await previewed(service, model)
        asked.append(len(heard))
    assert asked[0] == asked[1]
    assert any("events" in statement for statement in heard) is (model is PRICING)


# --- Chunks and samples -----------------------------------------------------------------------------------------


async def test_every_lead_is_previewed_once_whatever_the_chunk_size(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.previews.CHUNK", 2)
    await some_people(service)
    heard: list[tuple[int, int]] = []
    found = await previewed(service, BEGINNERS, on_progress=lambda done, total: heard.append((done, total)))
    assert heard == [(2, 5), (4, 5), (5, 5)]
    assert (found.preview.leads, found.preview.stage_changes) == (5, 3)


async def test_a_sample_has_the_requested_size(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.previews.CHUNK", 2)
    await some_people(service)
    heard: list[tuple[int, int]] = []
    found = await previewed(service, BEGINNERS, sample=3, on_progress=lambda done, total: heard.append((done, total)))
    assert (found.preview.leads, found.total, heard) == (3, 5, [(2, 3), (3, 3)])


async def test_a_sample_larger_than_the_total_covers_everyone(service: Service) -> None:
    await some_people(service)
    heard: list[tuple[int, int]] = []
    found = await previewed(service, BEGINNERS, sample=100, on_progress=lambda done, total: heard.append((done, total)))
    assert (found.preview.leads, found.preview.stage_changes, heard) == (5, 3, [(5, 5)])


async def test_a_sample_is_random_but_the_same_each_time(service: Service) -> None:
    await service.ingest(*(event(f"u{number}") for number in range(40)))
    async with service.database.read() as connection:
        one, other = [await lead_store.sample(connection, 20) for _ in range(2)]
    ids = sorted(await all_leads(service.database))
    assert one == other
    assert one not in (ids[:20], ids[20:])  # with a failure probability of 10⁻¹¹


# --- The law ----------------------------------------------------------------------------------------------------

MODELS = (small_model(), with_keep(), PRICING, DEARER, BEGINNERS)


def is_storable(document: dict[str, Any]) -> bool:
    """Whether all its numbers fit into 64 bits."""
    return "0" * 20 not in json.dumps(document)


known_documents = st.sampled_from(MODELS)
documents = known_documents | models().filter(is_storable).map(load_model)
law = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def publish_and_roll_out(service: Service, version: int) -> None:
    await publish(service.database, version, service.clock, notify=True)
    assert await service.roll_out(3)


async def sweep(service: Service) -> None:
    while (await sweep_due(service.database, service.models, service.clock.now, 100))[0]:
        pass


async def candidate_of(service: Service, model: ScoringModel) -> CompiledModel:
    version = await draft(service.database, model, None, service.clock.now)
    return compile_model(model, version.number)


@law
@given(data=st.data(), history=contested(), before=known_documents, after=documents)
def test_a_preview_shows_what_publishing_does(
    world: World, data: st.DataObject, history: list[Event], before: ScoringModel, after: ScoringModel
) -> None:
    world.reset(before)
    world.ingest(*data.draw(split(history), label="batches"))
    world.service.clock.now += timedelta(days=data.draw(st.integers(0, 40), label="later"))
    world.run(sweep(world.service))
    world.run(_assert_preview_is_right(world.service, after))


async def _assert_preview_is_right(service: Service, model: ScoringModel) -> None:
    candidate = await candidate_of(service, model)
    told = (await preview(service.database, service.models, candidate, service.clock.now)).preview
    await publish_and_roll_out(service, candidate.version)
    made = [change for change in await changes(service, "model") if change[3] == candidate.version]
    assert Counter((before, after) for before, after, *_ in made) == {
        move: leads for move, leads in told.moves.items() if move[0] != move[1]
    }
    assert told.stage_changes == len(made) == sum(notify for *_, notify in made)
    leads = await all_leads(service.database)
    assert {mover.lead_id: mover.after.evaluation.values for mover in told.movers} == {
        mover.lead_id: leads[mover.lead_id].scores for mover in told.movers
    }
    for name, spread in told.distributions[1].items():
        values = [lead.scores[name] for lead in leads.values()]
        assert (spread.quantiles["min"], spread.quantiles["max"]) == (min(values), max(values))
        assert math.isclose(spread.mean, math.fsum(values) / len(values), abs_tol=0.006)


@law
@given(data=st.data(), history=contested(8), documents=st.tuples(known_documents, known_documents, known_documents))
def test_a_preview_during_a_rollout_shows_the_final_stages(
    world: World, data: st.DataObject, history: list[Event], documents: tuple[ScoringModel, ...]
) -> None:
    """For leads that the rollout has reached and for those it has not."""
    world.reset(documents[0])
    world.ingest(*data.draw(split(history), label="batches"))
    world.run(world.service.publish(documents[1]))
    world.run(world.service.roll_out(data.draw(st.integers(1, 3), label="reached"), lambda *_: False))
    world.service.clock.now += timedelta(days=data.draw(st.integers(0, 40), label="later"))
    world.run(_assert_final_stages_are_right(world.service, documents[2]))


async def _assert_final_stages_are_right(service: Service, model: ScoringModel) -> None:
    candidate = await candidate_of(service, model)
    told = (await preview(service.database, service.models, candidate, service.clock.now)).preview
    await publish_and_roll_out(service, candidate.version)
    async with service.database.read() as connection:
        stored = await lead_store.count_by_stage(connection)
    assert {stage: leads for stage, leads in told.stages[1].items() if leads} == stored
