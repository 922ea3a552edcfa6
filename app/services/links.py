"""Links: joining leads by hand, and splitting a lead whose identities belong to several people.

A split rebuilds both leads from the log. It is recorded with them, so that no later message joins them again: only a
merge by hand does (docs/decisions/0023-splits.md).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.errors import NotFound, ValidationFailed
from app.scoring.engine import CompiledModel
from app.scoring.events import Identity, IdentityKind
from app.scoring.facts import Facts, merge
from app.scoring.journeys import journey_of
from app.scoring.stages import Standing
from app.services.evaluation import EvaluatedLead, Origin, evaluated, up_to_date
from app.services.failures import explaining_damage
from app.services.history import fold_leads
from app.services.identities import by_survival
from app.services.leads import existing
from app.services.models import ActiveModels, retry_on_conflict
from app.services.publications import Publications
from app.services.saving import save
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import links as link_store
from app.storage import transitions as transition_store
from app.storage.db import Database
from app.storage.identities import leading_link
from app.storage.leads import Lead


@dataclass(frozen=True, slots=True)
class Merger:
    """The lead that remains, evaluated, and the ids of those that are merged into it."""

    survivor: EvaluatedLead
    merged: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Split:
    """The lead that keeps the other identities, and the new one, both evaluated."""

    remaining: EvaluatedLead
    separated: EvaluatedLead


# --- Merging ----------------------------------------------------------------------------------------------------


async def merge_leads(
    database: Database, models: ActiveModels, lead_ids: Collection[UUID], now: datetime, *, dry_run: bool
) -> Merger:
    """Merge leads, even if they were split. With `dry_run`, nothing is stored.

    Raises `NotFound`, or `ValidationFailed` if the ids refer to one lead.
    """

    async def work(connection: AsyncConnection) -> Merger:
        with explaining_damage():
            leads = await lead_store.lock(connection, await _distinct(connection, lead_ids))
        merger = await _merged(connection, models, leads, now)
        if not dry_run:
            await _store_merger(connection, merger, now)
        return merger

    return await retry_on_conflict(database, work)


async def _distinct(connection: AsyncConnection, lead_ids: Collection[UUID]) -> set[UUID]:
    """The leads that these ids refer to."""
    survivors = await lead_store.survivors(connection, lead_ids)
    missing = sorted(set(lead_ids) - survivors.keys())
    if missing:
        raise NotFound(f"There is no lead {missing[0]}.")
    if len(found := set(survivors.values())) < 2:  # noqa: PLR2004 - a merge needs two
        raise ValidationFailed("The ids refer to one lead. Give those of at least two.")
    return found


async def _merged(
    connection: AsyncConnection, models: ActiveModels, leads: Mapping[UUID, Lead], now: datetime
) -> Merger:
    model = await models.active(connection)
    current = await up_to_date(connection, models, model, leads)
    known: dict[UUID, IdentityKind | None] = {**await identity_store.known(connection, list(leads))}
    survivor, *others = by_survival(leads, known)
    facts = merge(lead.facts for lead in current.values())
    retired = [current[each] for each in others]
    result = evaluated(model, survivor, current[survivor], facts, now, cause="merge", merged=retired)
    return Merger(result, others)


async def _store_merger(connection: AsyncConnection, merger: Merger, now: datetime) -> None:
    merged = dict.fromkeys(merger.merged, merger.survivor.lead.id)
    await save(connection, [merger.survivor], now)
    await link_store.retire(connection, merged)
    await identity_store.move(connection, merged, now)


# --- Splitting --------------------------------------------------------------------------------------------------


async def split_lead(
    database: Database,
    models: ActiveModels,
    lead_id: UUID,
    identities: Collection[Identity],
    now: datetime,
    *,
    dry_run: bool,
) -> Split:
    """Give some of a lead's identities, with their events, to a new lead. With `dry_run`, nothing is stored.

    The id of a lead that was merged into this one follows its identities. Raises `NotFound`, or `ValidationFailed`
    unless the lead has these identities and others.
    """
    async with database.read() as connection:  # a lead with many events takes seconds, and nobody waits for a reader
        read = await _read_parts(connection, models, await existing(connection, lead_id), identities)

    async def work(connection: AsyncConnection) -> Split:
        lead = await _locked(connection, lead_id)
        are_current = lead == read.lead and (await models.active(connection)).version == read.version
        parts = read if are_current else await _read_parts(connection, models, lead, identities)
        split = await _split(connection, models, parts, now)
        if not dry_run:
            await _store_split(connection, split, identities, now)
        return split

    return await retry_on_conflict(database, work)


class _Parts(NamedTuple):
    """A lead, and the identities and facts of both parts by the ids that these will have; the new one is last.

    They are current while the lead's row and the active model's `version` are these.
    """

    lead: Lead
    version: int
    identities: Mapping[UUID, Collection[Identity]]
    facts: Mapping[UUID, Facts]


async def _read_parts(
    connection: AsyncConnection, models: ActiveModels, lead: Lead, separated: Collection[Identity]
) -> _Parts:
    owned = (await identity_store.by_lead(connection, [lead.id]))[lead.id]
    _check(separated, owned)
    identities = {lead.id: owned - set(separated), uuid7(): set(separated)}
    model = await models.active(connection)
    return _Parts(lead, model.version, identities, await fold_leads(connection, model, identities))


async def _locked(connection: AsyncConnection, lead_id: UUID) -> Lead:
    survivors = await lead_store.survivors(connection, [lead_id])
    if lead_id not in survivors:
        raise NotFound(f"There is no lead {lead_id}.")
    with explaining_damage():
        (lead,) = (await lead_store.lock(connection, [survivors[lead_id]])).values()
    return lead


def _check(identities: Collection[Identity], owned: Collection[Identity]) -> None:
    for identity in identities:
        if identity not in owned:
            raise ValidationFailed(f"The lead has no such {identity.kind}. `identities` of the lead lists what it has.")
    if len(set(identities)) == len(owned):
        raise ValidationFailed("The lead has no other identities: leave it at least one.")


async def _split(connection: AsyncConnection, models: ActiveModels, parts: _Parts, now: datetime) -> Split:
    """`parts` are those of the locked lead."""
    model, lead_id = await models.active(connection), parts.lead.id
    before = (await up_to_date(connection, models, model, {lead_id: parts.lead}))[lead_id]
    new_id, split_id = list(parts.identities)[-1], str(uuid7())
    remaining_ids, former_ids = await _former_ids(connection, lead_id, parts.identities[new_id])
    ids = {lead_id: [lead_id, *remaining_ids], new_id: former_ids}
    reached = await _reached(connection, models, ids)
    since = await _known_since(connection, parts.identities)
    separations = [{**before.separations, split_id: side} for side in (0, 1)]
    remaining = evaluated(model, lead_id, before, parts.facts[lead_id], now, cause="split")
    separated = evaluated(model, new_id, None, parts.facts[new_id], now, cause="split")
    histories = [_History(reached[each], since[each], sides) for each, sides in zip(ids, separations, strict=True)]
    return Split(
        _with_history(model, remaining, histories[0]),
        _with_history(model, separated, histories[1])._replace(origin=Origin(lead_id, former_ids)),
    )


async def _former_ids(
    connection: AsyncConnection, lead_id: UUID, separated: Collection[Identity]
) -> tuple[list[UUID], list[UUID]]:
    """The ids of leads that were merged into this one: those that stay with it, and those that the new lead gets."""
    ids = await link_store.merged_into(connection, lead_id)
    links = await identity_store.links_of_leads(connection, ids)
    leading = {each: leading_link([link for link in links if link.lead_id == each]) for each in ids}
    leaving = [each for each, link in leading.items() if link is not None and link.identity in separated]
    return [each for each in ids if each not in leaving], leaving


async def _reached(
    connection: AsyncConnection, models: ActiveModels, ids: Mapping[UUID, Collection[UUID]]
) -> dict[UUID, dict[str, datetime]]:
    """When each lead first entered each stage, from the transitions of all `ids` that refer to it."""
    publications = await Publications.read(connection, models)
    transitions = await transition_store.of_leads(connection, [each for theirs in ids.values() for each in theirs])
    found: dict[UUID, dict[str, datetime]] = {lead_id: {} for lead_id in ids}
    for lead_id, theirs in ids.items():
        for transition in (transition for each in theirs for transition in transitions[each]):
            publication = publications.of(transition.model_version, transition.at)
            names = await publications.names(publication, publications.latest)
            stage = names.get(transition.to_stage, transition.to_stage)
            found[lead_id][stage] = min(transition.at, found[lead_id].get(stage, transition.at))
    return found


async def _known_since(
    connection: AsyncConnection, identities: Mapping[UUID, Collection[Identity]]
) -> dict[UUID, datetime]:
    """When the first of each lead's identities became known."""
    links = await identity_store.links_of_identities(connection, set().union(*identities.values()))
    return {
        lead_id: min(link.since for link in links if link.identity in theirs) for lead_id, theirs in identities.items()
    }


@dataclass(frozen=True, slots=True)
class _History:
    """What a split changes of a lead beside its facts."""

    reached: Mapping[str, datetime]
    created_at: datetime
    separations: Mapping[str, int]


def _with_history(model: CompiledModel, result: EvaluatedLead, history: _History) -> EvaluatedLead:
    lead = result.lead
    now = Standing(lead.standing.stage, lead.standing.since, history.reached)
    standing = now.joined(Standing(each.to_stage, each.at, {each.to_stage: each.at}) for each in result.transitions)
    journey = journey_of(model.document.stages, standing.reached, lead.facts.first_seen_at, history.created_at)
    return result._replace(
        lead=replace(
            lead,
            standing=standing,
            journey=journey,
            created_at=history.created_at,
            separations=history.separations,
        )
    )


async def _store_split(
    connection: AsyncConnection, split: Split, identities: Collection[Identity], now: datetime
) -> None:
    origin, new = split.separated.origin, split.separated.lead
    await save(connection, [split.remaining, split.separated], now)
    await identity_store.separate(connection, identities, new.id, now)
    await link_store.redirect(connection, origin.former_ids if origin else (), new.id)
