"""The funnel and the sources: leads counted in cohorts, and what became of each, by the active model's stages."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from app.insight.funnel import LOST, Alike, Funnel, Ladder, funnels
from app.insight.sources import Source, source_of
from app.scoring.engine import CompiledModel
from app.scoring.journeys import JourneySteps
from app.services.models import ActiveModels
from app.services.publications import Publications
from app.storage import funnel as funnel_store
from app.storage.db import Database
from app.storage.funnel import NONE, GroupField, SourceField

FunnelGroup = Literal["channel", "source", "account", "week"]


@dataclass(frozen=True, slots=True)
class Cohort:
    """The leads first seen on the days from `first` to `last`, in UTC. `limit`: how many groups are shown apart."""

    first: date
    last: date
    limit: int


@dataclass(frozen=True, slots=True)
class FunnelView:
    """The funnel of a cohort, of each of its groups, and of the groups beyond the limit together."""

    cohort: Cohort
    total: Funnel
    groups: Mapping[str, Funnel]
    other: Funnel | None
    model_version: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class SourcesView:
    """The main figures of a cohort, of each of its sources, and of the sources beyond the limit together."""

    cohort: Cohort
    total: Source
    sources: Mapping[str, Source]
    other: Source | None
    model_version: int
    as_of: datetime


async def read_funnel(
    database: Database, models: ActiveModels, cohort: Cohort, by: FunnelGroup | None, now: datetime
) -> FunnelView:
    async with database.read() as connection:
        rows = await _count(connection, cohort, by)
        model, rungs = await _rungs(connection, models, {row.model_version for row in rows})
    total, groups, other = await asyncio.to_thread(_funnels, model, rungs, rows)
    if by == "week":
        groups = dict(sorted(groups.items()))
    return FunnelView(cohort, total, groups if by else {}, other, model.version, now)


async def read_sources(
    database: Database, models: ActiveModels, cohort: Cohort, by: SourceField, now: datetime
) -> SourcesView:
    async with database.read() as connection:
        rows = await _count_by_source(connection, cohort, by)
        model, rungs = await _rungs(connection, models, {row.model_version for row in rows})
    total, groups, other = await asyncio.to_thread(_funnels, model, rungs, rows)
    ladder = Ladder.of(model.document.stages)
    return SourcesView(
        cohort=cohort,
        total=source_of(ladder, total),
        sources={name: source_of(ladder, funnel) for name, funnel in groups.items()},
        other=source_of(ladder, other) if other else None,
        model_version=model.version,
        as_of=now,
    )


# --- Counting ---------------------------------------------------------------------------------------------------


async def _count(connection: AsyncConnection, cohort: Cohort, by: FunnelGroup | None) -> Sequence[Any]:
    if by is None:
        return await funnel_store.count_together(connection, cohort.first, cohort.last)
    if by == "week":
        return await funnel_store.count_by_week(connection, cohort.first, cohort.last)
    return await _count_by_source(connection, cohort, by)


async def _count_by_source(connection: AsyncConnection, cohort: Cohort, by: GroupField) -> Sequence[Any]:
    return await funnel_store.count_by_source(connection, by, cohort.first, cohort.last, cohort.limit)


# --- Stages of several versions ---------------------------------------------------------------------------------


Rungs = Mapping[str, int]
"""Where the stages of one version of the model, in its order, are on the active model's ladder."""


async def _rungs(
    connection: AsyncConnection, models: ActiveModels, versions: set[int]
) -> tuple[CompiledModel, dict[int, Rungs]]:
    """The active model, and the rungs of each version's stages. A stage that the active model lacks is on the first.

    Versions that can't be loaded are left out.
    """
    model = await models.active(connection)
    publications = await Publications.read(connection, models)
    ladder = {stage.name: rung for rung, stage in enumerate(Ladder.of(model.document.stages).stages)}
    return model, {
        version: {old: ladder.get(new, LOST) for old, new in names.items()}
        for version, names in (await publications.present_names(versions)).items()
    }


def _funnels(
    model: CompiledModel, rungs: Mapping[int, Rungs], rows: Sequence[Any]
) -> tuple[Funnel, dict[str, Funnel], Funnel | None]:
    """The funnel of all leads, of each named group, and of the others."""
    total, groups = funnels(Ladder.of(model.document.stages), _alike(rungs, rows))
    return total, {name: funnel for name, funnel in groups.items() if name is not None}, groups.get(None)


def _alike(rungs: Mapping[int, Rungs], rows: Sequence[Any]) -> Iterator[Alike]:
    steps = {version: JourneySteps(list(places.values())) for version, places in rungs.items()}
    for cohort, journey, stage, version, count in rows:
        if version not in rungs:
            continue
        yield Alike(_group_name(cohort), rungs[version].get(stage, 0), steps[version].of(journey), count)


def _group_name(cohort: str | date | None) -> str | None:
    return cohort.isoformat() if isinstance(cohort, date) else cohort


__all__ = ["NONE", "Cohort", "FunnelGroup", "FunnelView", "SourceField", "SourcesView"]
