"""What a lead is known by, and how each identity came to it."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.events import Identity
from app.services.failures import readable
from app.services.leads import existing
from app.services.pages import Page, fetch_page
from app.storage import events as event_store
from app.storage import identities as identity_store
from app.storage import links as link_store
from app.storage.db import Database
from app.storage.identities import Link


@dataclass(frozen=True, slots=True)
class LeadIdentity:
    """An identity of a lead. `since`: when it was first linked to any lead.

    `merged_from`: the lead that had it before, unless a split separated the two.
    `source`: that of the event that it came with, if the lead has that event.
    """

    identity: Identity
    since: datetime
    source: str | None
    merged_from: UUID | None
    merged_at: datetime | None


async def read_lead_identities(
    database: Database, lead_id: UUID, after: Identity | None, limit: int
) -> Page[LeadIdentity]:
    """A page of a lead's identities, sorted by kind and value. Raises `NotFound`."""
    async with database.read() as connection:
        lead = await existing(connection, lead_id)
        page = await fetch_page(lambda count: identity_store.page(connection, lead.id, after, count), limit)
        former = await identity_store.former_links(connection, [link.identity for link in page.items])
        since = {link.identity: _first(link, *former[link.identity]) for link in page.items}
        sources = await _sources(connection, lead.id, since)
        merged = set(await link_store.merged_into(connection, lead.id))
    mergers = {link.identity: _merged_from(former[link.identity], merged) for link in page.items}
    items = [_view(link, mergers[link.identity], since, sources) for link in page.items]
    return Page(items, items[-1] if page.last else None)


def _first(*links: Link) -> datetime:
    return min(link.since for link in links)


async def _sources(
    connection: AsyncConnection, lead_id: UUID, since: Mapping[Identity, datetime]
) -> dict[Identity, str]:
    """The source of the event that each identity came with: both were stored at the same moment."""
    sources: dict[Identity, str] = {}
    for event in readable(await event_store.received_at(connection, lead_id, set(since.values()))):
        for identity in event.identities:
            if since.get(identity) == event.received_at:
                sources.setdefault(identity, event.source)
    return sources


def _merged_from(former: Sequence[Link], merged: Container[UUID]) -> UUID | None:
    """The lead that had the identity last, if it is one of these."""
    return former[-1].lead_id if former and former[-1].lead_id in merged else None


def _view(
    link: Link, merged_from: UUID | None, since: Mapping[Identity, datetime], sources: Mapping[Identity, str]
) -> LeadIdentity:
    return LeadIdentity(
        identity=link.identity,
        since=since[link.identity],
        source=sources.get(link.identity),
        merged_from=merged_from,
        merged_at=link.since if merged_from else None,
    )
