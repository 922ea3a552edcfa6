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

from app.errors import ValidationFailed
from app.scoring.engine import CompiledModel
from app.scoring.events import Identity, IdentityKind
from app.scoring.facts import Facts, merge
from app.scoring.journeys import journey_of
from app.scoring.separations import Separations
from app.scoring.stages import Standing
from app.services.evaluation import EvaluatedLead, Origin, evaluated, up_to_date
from app.services.failures import explaining_damage
from app.services.history import fold_leads
from app.services.identities import by_survival
from app.services.leads import existing, find_lead, unknown_lead
from app.services.models import ActiveModels, retry_on_conflict
from app.services.publications import Publications
from app.services.saving import save
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import links as link_store
from app.storage import transitions as transition_store
from app.storage.db import Database
from app.storage.identities import Link, leading_link
from app.storage.leads import Lead, UnreadableLead


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
        raise unknown_lead(missing[0])
    if len(found := set(survivors.values())) < 2:  # noqa: PLR2004 - a merge needs two
        raise ValidationFailed("The ids refer to one lead. Give those of at least two.")
    return found


async def _merged(
    connection: AsyncConnection, models: ActiveModels, leads: Mapping[UUID, Lead], now: datetime
) -> Merger:
    model = await models.active(connection)
    with explaining_damage():
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


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two leads that a split makes: the id that it will have, its identities, and the facts of these."""

    lead_id: UUID
    identities: frozenset[Identity]
    facts: Facts


class _Parts(NamedTuple):
    """A lead, and both sides of it, which are current while the lead's row and the active model's `version` are these.

    `remaining` keeps the lead's id.
    """

    lead: Lead
    version: int
    remaining: _Side
    separated: _Side


async def _read_parts(
    connection: AsyncConnection, models: ActiveModels, lead: Lead, separated: Collection[Identity]
) -> _Parts:
    owned = (await identity_store.by_lead(connection, [lead.id]))[lead.id]
    _check(separated, owned)
    identities = {lead.id: frozenset(owned.difference(separated)), uuid7(): frozenset(separated)}
    model = await models.active(connection)
    with explaining_damage():
        try:
            facts = await fold_leads(connection, model, identities)
        except UnreadableLead as error:  # perhaps of the side that is no lead yet
            raise UnreadableLead(lead.id) from error.__cause__
    remaining, new = (_Side(lead_id, theirs, facts[lead_id]) for lead_id, theirs in identities.items())
    return _Parts(lead, model.version, remaining, new)


async def _locked(connection: AsyncConnection, lead_id: UUID) -> Lead:
    survivor = await find_lead(connection, lead_id)
    with explaining_damage():
        (lead,) = (await lead_store.lock(connection, [survivor])).values()
    return lead


def _check(identities: Collection[Identity], owned: Collection[Identity]) -> None:
    for identity in identities:
        if identity not in owned:
            raise ValidationFailed(f"The lead has no such {identity.kind}. Give one of its own identities.")
    if len(set(identities)) == len(owned):
        raise ValidationFailed("The lead has no other identities: leave it at least one.")


async def _split(connection: AsyncConnection, models: ActiveModels, parts: _Parts, now: datetime) -> Split:
    """`parts` are those of the locked lead."""
    model, lead_id, split_id = await models.active(connection), parts.lead.id, str(uuid7())
    with explaining_damage():
        before = (await up_to_date(connection, models, model, {lead_id: parts.lead}))[lead_id]
    staying, leaving = await _former_ids(connection, lead_id, parts.separated.identities)
    remaining = await _read_history(connection, models, parts.remaining, [lead_id, *staying])
    separated = await _read_history(connection, models, parts.separated, leaving)
    return Split(
        _evaluate(model, parts.remaining, before, remaining, {**before.separations, split_id: 0}, now),
        _evaluate(model, parts.separated, None, separated, {**before.separations, split_id: 1}, now)._replace(
            origin=Origin(lead_id, leaving)
        ),
    )


async def _former_ids(
    connection: AsyncConnection, lead_id: UUID, separated: Collection[Identity]
) -> tuple[list[UUID], list[UUID]]:
    """The ids of leads that were merged into this one: those that stay with it, and those that the new lead gets."""
    ids = await link_store.merged_into(connection, lead_id)
    links: dict[UUID, list[Link]] = {each: [] for each in ids}
    for link in await identity_store.links_of_leads(connection, ids):
        links[link.lead_id].append(link)
    leading = {each: leading_link(theirs) for each, theirs in links.items()}
    leaving = {each for each, link in leading.items() if link is not None and link.identity in separated}
    return [each for each in ids if each not in leaving], [each for each in ids if each in leaving]


class _History(NamedTuple):
    """When a lead first entered each stage, and when its first identity became known."""

    reached: Mapping[str, datetime]
    known_since: datetime


async def _read_history(
    connection: AsyncConnection, models: ActiveModels, side: _Side, ids: Collection[UUID]
) -> _History:
    """The history of one side; `ids` are all that refer to it."""
    links = await identity_store.links_of_identities(connection, side.identities)
    return _History(await _reached(connection, models, ids), min(link.since for link in links))


async def _reached(connection: AsyncConnection, models: ActiveModels, ids: Collection[UUID]) -> dict[str, datetime]:
    publications = await Publications.read(connection, models)
    found: dict[str, datetime] = {}
    for transitions in (await transition_store.of_leads(connection, ids)).values():
        for transition in transitions:
            publication = publications.of(transition.model_version, transition.at)
            names = await publications.names(publication, publications.latest)
            stage = names.get(transition.to_stage, transition.to_stage)
            found[stage] = min(transition.at, found.get(stage, transition.at))
    return found


def _evaluate(
    model: CompiledModel, side: _Side, before: Lead | None, history: _History, separations: Separations, now: datetime
) -> EvaluatedLead:
    """One side as it will be, with what a split changes beside the facts."""
    result = evaluated(model, side.lead_id, before, side.facts, now, cause="split")
    lead = result.lead
    standing = Standing(lead.standing.stage, lead.standing.since, history.reached).joined(
        Standing(each.to_stage, each.at, {each.to_stage: each.at}) for each in result.transitions
    )
    journey = journey_of(model.document.stages, standing.reached, lead.facts.first_seen_at, history.known_since)
    return result._replace(
        lead=replace(lead, standing=standing, journey=journey, created_at=history.known_since, separations=separations)
    )


async def _store_split(
    connection: AsyncConnection, split: Split, identities: Collection[Identity], now: datetime
) -> None:
    origin, new = split.separated.origin, split.separated.lead
    await save(connection, [split.remaining, split.separated], now)
    await identity_store.separate(connection, identities, new.id, now)
    await link_store.redirect(connection, origin.former_ids if origin else (), new.id)
