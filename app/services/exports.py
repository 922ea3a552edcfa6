"""Exports: everything that is stored of a person, for them to read. Each page is a transaction of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Gone, NotFound
from app.protocol.identities import as_address
from app.scoring.events import Identity
from app.services.leads import Leads, LeadView, ScoreView
from app.storage import deliveries as delivery_store
from app.storage import events as event_store
from app.storage import group_summaries as group_summary_store
from app.storage import identities as identity_store
from app.storage import links as link_store
from app.storage import rejections as rejection_store
from app.storage import summaries as summary_store
from app.storage import transitions as transition_store
from app.storage.db import Database
from app.storage.events import Position as EventPosition
from app.storage.group_summaries import GroupSummary
from app.storage.identities import Link
from app.storage.queries import UnreadableRow
from app.storage.summaries import Summary

Item = TypeVar("Item")

ExportKind = Literal["lead", "identity", "score", "summary", "group", "transition", "event", "delivery", "rejection"]

ROWS_AT_ONCE = 500
DAYS_AT_ONCE = timedelta(days=366)


async def export_person(
    database: Database, leads: Leads, wanted: UUID | Identity, now: datetime
) -> AsyncIterator[tuple[ExportKind, Any]]:
    """Export a lead, as `export_lead` does.

    If no lead has the identity, export the rejected messages (quarantined ones included) that name it. Raises
    `NotFound` before the first item.
    """
    try:
        lead_id = wanted if isinstance(wanted, UUID) else await leads.find(wanted)
    except NotFound:
        if isinstance(wanted, Identity) and (address := as_address(wanted)) != wanted:
            items = export_person(database, leads, address, now)
        else:
            items = _export_stranger(database, str(wanted))
    else:
        items = export_lead(database, leads, lead_id, now)
    async for item in items:
        yield item


async def _export_stranger(database: Database, key: str) -> AsyncIterator[tuple[ExportKind, Any]]:
    is_named = False
    async for rejection in _all(database, _rejections([key])):
        yield "rejection", rejection
        is_named = True
    if not is_named:
        raise NotFound(
            "No lead has this identity, and no rejected message names it. Look for another identity of the same person."
        )


async def export_lead(
    database: Database, leads: Leads, lead_id: UUID, now: datetime
) -> AsyncIterator[tuple[ExportKind, Any]]:
    """Yield the lead, then its identities with their former leads, its scores by day, and all that names it.

    Raises `NotFound` before the first item.
    """
    view = await leads.get(lead_id, now)
    yield "lead", view
    async with database.read() as connection:
        links = await _links(connection, view)
        ids = await link_store.with_merged(connection, [view.lead.id])
        identities = {link.identity for link in links}
        summaries = await summary_store.of_identities(connection, identities)
        groups = await group_summary_store.of_identities(connection, identities)
    for link in links:
        yield "identity", link
    async for day in _days(leads, view.lead.id, min(link.since for link in links), now):
        yield "score", day
    for summary in summaries:
        yield "summary", summary
    for group in groups:
        yield "group", group
    for kind, fetch in _lists(view.lead.id, ids, {str(link.identity) for link in links}).items():
        async for item in _all(database, fetch):
            yield kind, item


async def _links(connection: AsyncConnection, view: LeadView) -> list[Link]:
    """Present and former ones of the lead's identities, the oldest first."""
    owned = (await identity_store.by_lead(connection, [view.lead.id]))[view.lead.id]
    found = await identity_store.links_of_identities(connection, owned)
    return sorted(found, key=lambda link: (link.identity, link.since))


async def _days(leads: Leads, lead_id: UUID, since: datetime, now: datetime) -> AsyncIterator[ScoreView]:
    first = since.date()
    while first <= now.date():
        last = min(first + DAYS_AT_ONCE, now.date())
        for view in await _served(leads, lead_id, first, last, now):
            yield view
        first = last + timedelta(days=1)


async def _served(leads: Leads, lead_id: UUID, first: date, last: date, now: datetime) -> Sequence[ScoreView]:
    """Nothing for days whose events have been deleted."""
    try:
        return await leads.history(lead_id, first, last, now)
    except Gone:
        return ()


Fetch = Callable[[AsyncConnection, Any], Awaitable[Sequence[Any]]]
"""The next rows, after the last one of those before."""


def _lists(lead_id: UUID, ids: Sequence[UUID], keys: Collection[str]) -> dict[ExportKind, Fetch]:
    return {
        "transition": lambda connection, last: transition_store.page(
            connection, lead_id, last and last.id, ROWS_AT_ONCE
        ),
        "event": lambda connection, last: event_store.page(
            connection, lead_id, last and EventPosition(last.event.occurred_at, last.event.id), ROWS_AT_ONCE
        ),
        "delivery": lambda connection, last: delivery_store.of_leads(connection, ids, last and last.id, ROWS_AT_ONCE),
        "rejection": _rejections(keys),
    }


def _rejections(keys: Collection[str]) -> Fetch:
    return lambda connection, last: rejection_store.naming(connection, keys, last and last.id, ROWS_AT_ONCE)


async def _all(database: Database, fetch: Fetch) -> AsyncIterator[Any]:
    last = None
    while True:
        async with database.read() as connection:
            items = await fetch(connection, last)
        for item in items:
            if isinstance(item, UnreadableRow):  # an export is complete, or it fails
                raise item
            yield item
        if len(items) < ROWS_AT_ONCE:
            return
        last = items[-1]


__all__ = ["ExportKind", "GroupSummary", "Link", "Summary", "export_lead", "export_person"]
