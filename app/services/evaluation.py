"""Evaluating leads. Every change of a stored stage passes through `evaluated`."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import DamagedModel
from app.scoring.accounts import account_of
from app.scoring.engine import CompiledModel, Evaluation, evaluate, on_day
from app.scoring.facts import Facts
from app.scoring.journeys import journey_of
from app.scoring.separations import joined
from app.scoring.stages import HORIZON_DAYS, Cause, Standing, Transition, forecast, settle
from app.scoring.steps import steps_of
from app.services.failures import unreadable
from app.services.history import Counted, recount
from app.services.models import ActiveModels
from app.services.publications import Names, Publications, PublishedVersion
from app.storage.leads import Lead, UnreadableLead

Item = TypeVar("Item")

REFRESH_DAYS = 7
"""The greatest age of the stored scores, by which lists are filtered and sorted."""

AT_ONCE = 20  # leads evaluated before other tasks get a turn


StageMoves = tuple[tuple[str, str], ...]
"""Changes of stage: from and to."""


class Decision(NamedTuple):
    """A change of stage, and the evaluation that led to it."""

    transition: Transition
    evaluation: Evaluation


class Origin(NamedTuple):
    """The lead that a new one was split from, and the ids of merged leads that refer to the new one from now on."""

    lead_id: UUID
    former_ids: Sequence[UUID]


class EvaluatedLead(NamedTuple):
    """A lead as it will be stored, as it was before (None if it is new), and its stage changes in order.

    `merged`: the leads that are merged into it, as they were. `message_ids`: the new messages that it was evaluated
    for. `origin`: set if a split made the lead.
    """

    lead: Lead
    before: Lead | None
    decisions: tuple[Decision, ...]
    cause: Cause
    merged: tuple[Lead, ...] = ()
    message_ids: Sequence[str] = ()
    origin: Origin | None = None

    @property
    def transitions(self) -> tuple[Transition, ...]:
        return tuple(decision.transition for decision in self.decisions)


def evaluated(
    model: CompiledModel,
    lead_id: UUID,
    before: Lead | None,
    facts: Facts,
    now: datetime,
    *,
    cause: Cause,
    merged: Collection[Lead] = (),
    message_ids: Sequence[str] = (),
) -> EvaluatedLead:
    """Score a lead and settle its stage. `before` is the lead until now, with its facts brought up to date.

    `merged`: the leads that are merged into it; `facts` include theirs. `message_ids`: the new messages.
    The lead's next check is tomorrow, when the sweeper forecasts the real one and the next change: time alone changes
    nothing before then, and a forecast here would slow down ingestion.
    """
    evaluation = evaluate(model, facts, now)
    standing, decisions = _settled(model, before, facts, evaluation, now, cause)
    account = account_of(facts.group, evaluation.traits)
    same = (
        before is not None
        and not before.is_outdated
        and facts is before.facts
        and account == before.account
        and evaluation.values == before.scores
        and not decisions
    )
    created_at = before.created_at if before else now
    separations = before.separations if before else {}
    if merged:
        standing = standing.joined(each.standing for each in merged)
        created_at = min([created_at, *(each.created_at for each in merged)])
        separations = joined([separations, *(each.separations for each in merged)])
    lead = Lead(
        id=lead_id,
        facts=facts,
        standing=standing,
        scores=evaluation.values,
        model_version=model.version,
        next_check_on=now.date() + timedelta(days=1),
        next_change=None,
        is_forecast=False,
        score_steps=steps_of(evaluation.values),
        journey=_journey(model, before, standing, facts, created_at),
        account=account,
        created_at=created_at,
        updated_at=before.updated_at if before is not None and same else now,
        changed_at=before.changed_at if before else now,
        separations=separations,
    )
    return EvaluatedLead(lead, before, decisions, cause, tuple(merged), message_ids)


def _journey(model: CompiledModel, before: Lead | None, standing: Standing, facts: Facts, created_at: datetime) -> str:
    """The lead's journey. Most events change nothing in it."""
    if (
        before is not None
        and before.model_version == model.version
        and before.standing.reached is standing.reached
        and before.facts.first_seen_at == facts.first_seen_at
        and before.created_at == created_at
    ):
        return before.journey
    return journey_of(model.document.stages, standing.reached, facts.first_seen_at, created_at)


def _settled(
    model: CompiledModel, before: Lead | None, facts: Facts, evaluation: Evaluation, now: datetime, cause: Cause
) -> tuple[Standing, tuple[Decision, ...]]:
    """Settle what a new model changes before what new events change: each has its own cause."""
    standing, adopted = before.standing if before else None, None
    known = evaluation
    if before is not None and before.model_version != model.version:
        known = evaluation if facts is before.facts else evaluate(model, before.facts, now)
        standing, adopted = settle(known, standing, now, "model")
        if known is evaluation:  # nothing new but the model
            return standing, (Decision(adopted, known),) if adopted else ()
    standing, moved = settle(evaluation, standing, now, cause)
    decided = ((adopted, known), (moved, evaluation))
    return standing, tuple(Decision(transition, seen) for transition, seen in decided if transition)


def scheduled(model: CompiledModel, lead: Lead, now: datetime) -> Lead:
    """The lead with its next change, and with its next check on that day, or sooner if its scores would get too old."""
    evaluation = evaluate(model, lead.facts, now)
    change = forecast(evaluation, lead.standing.stage)
    day = change.on if change else now.date() + timedelta(days=HORIZON_DAYS)
    refresh = now.date() + timedelta(days=REFRESH_DAYS)
    if day > refresh and on_day(evaluation, refresh.toordinal()).values != evaluation.values:  # its scores fade
        day = refresh
    return replace(lead, next_check_on=day, next_change=change, is_forecast=True)


async def reevaluate(
    connection: AsyncConnection,
    models: ActiveModels,
    model: CompiledModel,
    leads: Mapping[UUID, Lead],
    now: datetime,
    cause: Cause,
) -> list[EvaluatedLead]:
    """Re-evaluate locked leads with a model that has been active since they were locked."""
    current = await up_to_date(connection, models, model, leads)
    return [
        evaluated(model, lead_id, lead, lead.facts, now, cause=cause)
        async for lead_id, lead in yielding_to_event_loop(current.items())
    ]


async def yielding_to_event_loop(items: Iterable[Item]) -> AsyncIterator[Item]:
    """The items, letting other tasks run now and then, because forecasting many leads takes long."""
    for number, item in enumerate(items, start=1):
        yield item
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)


def stage_moves(results: Iterable[EvaluatedLead]) -> StageMoves:
    return tuple((change.from_stage, change.to_stage) for result in results for change in result.transitions)


async def up_to_date(
    connection: AsyncConnection,
    models: ActiveModels,
    model: CompiledModel,
    leads: Mapping[UUID, Lead],
    new: Collection[UUID] = (),
) -> dict[UUID, Lead]:
    """The leads with their facts as counted by this model, without the `new` events, and with its names of stages.

    For leads that another version counted, signals unknown to that version are recounted from the event log, and
    signals unknown to this one are dropped. Raises `UnreadableLead` if that version can't be loaded,
    or an event can't be read.
    """
    current: dict[UUID, Lead] = {}
    for found in await each_up_to_date(connection, models, model, leads.values(), new):
        if isinstance(found, UnreadableLead):
            raise found
        current[found.id] = found
    return current


async def each_up_to_date(
    connection: AsyncConnection,
    models: ActiveModels,
    model: CompiledModel,
    found: Collection[Lead | UnreadableLead],
    new: Collection[UUID] = (),
) -> list[Lead | UnreadableLead]:
    """The same, with an error in the place of each lead that it would be raised for."""
    versions = {each.model_version for each in found if isinstance(each, Lead)} - {model.version}
    if not versions:
        return list(found)
    publications = await Publications.read(connection, models)
    earlier = await publications.by_version(versions, model)
    named = [_by_present_names(each, earlier) for each in found]
    outdated = {
        each.id: Counted(each.facts, by.model.fingerprints)
        for each in named
        if isinstance(each, Lead)
        and isinstance(by := earlier.get(each.model_version), PublishedVersion)
        and by.model.fingerprints != model.fingerprints
    }
    recounted = await recount(connection, model, outdated, without=set(new))
    return [_recounted(each, recounted.get(each.id)) if isinstance(each, Lead) else each for each in named]


def _recounted(lead: Lead, facts: Facts | UnreadableLead | None) -> Lead | UnreadableLead:
    """`facts` is None if they are already those of this model."""
    if facts is None or isinstance(facts, UnreadableLead):
        return facts or lead
    return replace(lead, facts=facts, is_outdated=True)


def _by_present_names(
    found: Lead | UnreadableLead, earlier: Mapping[int, PublishedVersion | DamagedModel]
) -> Lead | UnreadableLead:
    """The lead with its stage named as at present."""
    by = earlier.get(found.model_version) if isinstance(found, Lead) else None
    if isinstance(found, UnreadableLead) or by is None:
        return found
    if isinstance(by, PublishedVersion):
        return _renamed(found, by.names)
    return unreadable(found.id, by)


def _renamed(lead: Lead, names: Names) -> Lead:
    standing = lead.standing.renamed(names)
    if standing == lead.standing:
        return lead
    return replace(lead, standing=standing, is_outdated=standing.stage != lead.standing.stage)


__all__ = [
    "Decision",
    "EvaluatedLead",
    "Lead",
    "Origin",
    "StageMoves",
    "each_up_to_date",
    "evaluated",
    "reevaluate",
    "stage_moves",
    "up_to_date",
    "yielding_to_event_loop",
]
