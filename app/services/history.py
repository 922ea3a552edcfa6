"""Rebuilding leads from the event log: facts as known at a moment, and recounts of signals."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.engine import CompiledModel
from app.scoring.events import Event, Identity
from app.scoring.facts import Facts, Tally, add_tallies, merge
from app.scoring.history import FactsOverTime, count, fold
from app.services.failures import raised, unreadable
from app.storage import events as event_store
from app.storage import summaries as summary_store
from app.storage.event_filters import EventFilter
from app.storage.events import sound_among, unreadable_among
from app.storage.identities import Link
from app.storage.leads import UnreadableLead


def known_since(links: Iterable[Link], moment: datetime) -> dict[Identity, datetime]:
    """When each identity was linked to the lead, without those that it had lost by this moment.

    `links` are all present and former ones. The result is valid until the lead next loses an identity.
    """
    kept = [link for link in links if link.until is None or link.until > moment]
    # An identity that left and came back has several links: the earliest remaining one counts.
    return {link.identity: link.since for link in sorted(kept, key=lambda link: link.since, reverse=True)}


async def read_facts(connection: AsyncConnection, wanted: Collection[FactsOverTime]) -> None:
    """Read the log once and add its events to each of `wanted`. Events are streamed, not held in memory.

    Raises `UnreadableEvent`.
    """
    identities = {identity for facts in wanted for identity in facts.since}
    until = max(facts.moments[-1] for facts in wanted)
    async for events in event_store.filed_under(connection, identities, received_by=until):
        await asyncio.to_thread(_add, wanted, events)  # a person with many events takes a while
    for summary in await summary_store.of_identities(connection, identities):
        for facts in wanted:
            facts.add_summary(summary.identity, summary.facts, summary.valid_from)


def _add(wanted: Iterable[FactsOverTime], events: Sequence[Event]) -> None:
    for facts in wanted:
        facts.add(events)


async def fold_leads(
    connection: AsyncConnection, model: CompiledModel, leads: Mapping[UUID, Collection[Identity]]
) -> dict[UUID, Facts]:
    """The facts of leads with these identities, from their events in the log, and from summaries of deleted events.

    Raises `UnreadableLead` if an event can't be read.
    """
    found = await fold_each(connection, model, leads)
    return {lead_id: raised(facts) for lead_id, facts in found.items()}


async def fold_each(
    connection: AsyncConnection,
    model: CompiledModel,
    leads: Mapping[UUID, Collection[Identity]],
    unless: EventFilter | None = None,
) -> dict[UUID, Facts | UnreadableLead]:
    """The same, with an error in the place of each lead of which an event can't be read.

    Events that `unless` matches are left out.
    """
    owners = {identity: lead_id for lead_id, identities in leads.items() for identity in identities}
    found, damaged = {lead_id: Facts() for lead_id in leads}, dict[UUID, UnreadableLead]()
    async for events in event_store.counted_under(connection, owners, unless):
        damaged |= {owners[each.identity]: unreadable(owners[each.identity], each) for each in unreadable_among(events)}
        await asyncio.to_thread(_fold_into, found, owners, model, sound_among(events))
    for summary in await summary_store.of_identities(connection, owners):
        lead_id = owners[summary.identity]
        found[lead_id] = merge([found[lead_id], counted_by(model, summary.facts)])
    return {**found, **damaged}


def counted_by(model: CompiledModel, facts: Facts) -> Facts:
    """The facts without the hits of signals that the model doesn't have."""
    return _with_tally(model, facts, {})


def _fold_into(
    found: dict[UUID, Facts], owners: Mapping[Identity, UUID], model: CompiledModel, events: Sequence[Event]
) -> None:
    """Add the facts of events to those of their leads."""
    of_lead: dict[UUID, list[Event]] = {}
    for event in events:
        of_lead.setdefault(owners[event.identities[0]], []).append(event)
    for lead_id, theirs in of_lead.items():
        found[lead_id] = merge([found[lead_id], fold(model, theirs)])


class Counted(NamedTuple):
    """A lead's facts, and the fingerprints of the signals counted in them."""

    facts: Facts
    fingerprints: frozenset[str]


async def recount(
    connection: AsyncConnection, model: CompiledModel, leads: Mapping[UUID, Counted], without: Collection[UUID]
) -> dict[UUID, Facts | UnreadableLead]:
    """The leads' facts for this model: signals that it lacks are dropped, and new ones are counted from the log.

    An error takes the place of those of a lead of which an event can't be read. `without`: ids of events that are not
    counted.
    """
    missing = {lead_id: model.fingerprints - counted.fingerprints for lead_id, counted in leads.items()}
    added = await _count(connection, model, {lead_id: each for lead_id, each in missing.items() if each}, without)
    found: dict[UUID, Facts | UnreadableLead] = {}
    for lead_id, (facts, _) in leads.items():
        tally = added.get(lead_id, {})
        found[lead_id] = tally if isinstance(tally, UnreadableLead) else _with_tally(model, facts, tally)
    return found


async def _count(
    connection: AsyncConnection,
    model: CompiledModel,
    missing: Mapping[UUID, frozenset[str]],
    without: Collection[UUID],
) -> dict[UUID, Tally | UnreadableLead]:
    """Each lead's hits of its missing signals. Reads only events whose names these signals count.

    Of deleted events, those count that a model with the signal counted before they were deleted.
    """
    tallies, damaged = {lead_id: Tally() for lead_id in missing}, dict[UUID, UnreadableLead]()
    names = model.event_keys(frozenset().union(*missing.values()))
    if not names:
        return {**tallies}
    async for chunk in event_store.of_leads(connection, list(missing), names):
        for lead_id, events in chunk.items():
            for error in unreadable_among(events)[:1]:
                damaged[lead_id] = unreadable(lead_id, error)
            hits = count(model, (each for each in sound_among(events) if each.id not in without), missing[lead_id])
            tallies[lead_id] = add_tallies([tallies[lead_id], hits])
    for lead_id, facts in await summary_store.of_leads(connection, list(missing)):
        hits = {fingerprint: days for fingerprint, days in facts.tally.items() if fingerprint in missing[lead_id]}
        tallies[lead_id] = add_tallies([tallies[lead_id], hits])
    return {**tallies, **damaged}


def _with_tally(model: CompiledModel, facts: Facts, added: Tally) -> Facts:
    kept = {fingerprint: days for fingerprint, days in facts.tally.items() if fingerprint in model.fingerprints}
    return replace(facts, tally=kept | added)
