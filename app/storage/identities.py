"""Identities in storage: which lead each one belongs to, and which ones it belonged to before."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Dialect, FromClause, Select, bindparam, case, func, literal, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.events import IDENTITY_KINDS, KNOWN_BY, Identity, IdentityKind
from app.storage.sql import Id, UtcDateTime, any_of_param, any_of_values, insert_rows, rows_param_table
from app.storage.statements import Statement
from app.storage.tables import former_identities, identities


async def find(connection: AsyncConnection, wanted: Collection[Identity]) -> dict[Identity, UUID]:
    """The lead of each of these identities, without those never seen."""
    if not wanted:
        return {}
    columns = select(identities.c.identity, identities.c.lead_id)
    rows = await connection.execute(columns.where(any_of_values(identities.c.identity, map(str, wanted))))
    return {parse_identity(row.identity): row.lead_id for row in rows}


def _known(_: Dialect) -> Any:
    kinds = [(identities.c.identity.like(f"{kind}:%"), kind) for kind in KNOWN_BY]
    wanted = any_of_param(identities.c.lead_id, "lead_ids")
    return (
        select(identities.c.lead_id, func.max(case(*kinds)).label("kind"))  # `user_id` sorts after `email`
        .where(or_(*(of_kind for of_kind, _ in kinds)), wanted)
        .group_by(identities.c.lead_id)
    )


_KNOWN = Statement(_known)


async def known(connection: AsyncConnection, lead_ids: Collection[UUID]) -> dict[UUID, IdentityKind]:
    """The known ones of these leads, each with its strongest kind of identity."""
    if not lead_ids:
        return {}
    return {row.lead_id: row.kind for row in await _KNOWN.rows(connection, lead_ids=list(lead_ids))}


_OF_LEADS = Statement(
    lambda _: select(identities.c.identity, identities.c.lead_id).where(any_of_param(identities.c.lead_id, "lead_ids"))
)


async def of_leads(connection: AsyncConnection, lead_ids: Collection[UUID]) -> dict[UUID, dict[str, list[str]]]:
    """The identities of these leads: sorted values by lead and kind."""
    keys: dict[UUID, list[str]] = {lead_id: [] for lead_id in lead_ids}
    if keys:
        for row in await _OF_LEADS.rows(connection, lead_ids=list(lead_ids)):
            keys[row.lead_id].append(row.identity)
    return {lead_id: by_kind(theirs) for lead_id, theirs in keys.items()}


def by_kind(keys: Iterable[str]) -> dict[str, list[str]]:
    """Sorted values by kind, from identities as they are stored."""
    found: dict[str, list[str]] = {kind: [] for kind in IDENTITY_KINDS}
    for kind, value in map(parse_identity, sorted(keys)):
        found[kind].append(value)
    return found


async def by_lead(connection: AsyncConnection, lead_ids: Collection[UUID]) -> dict[UUID, set[Identity]]:
    """The identities of these leads."""
    found: dict[UUID, set[Identity]] = {lead_id: set() for lead_id in lead_ids}
    if found:
        for row in await _OF_LEADS.rows(connection, lead_ids=list(lead_ids)):
            found[row.lead_id].add(parse_identity(row.identity))
    return found


async def insert(connection: AsyncConnection, links: Mapping[Identity, UUID], now: datetime) -> None:
    """Link new identities to leads. Raises `Conflict` if another writer has linked one of them meanwhile.

    Sorted, so that concurrent writers wait for each other instead of deadlocking.
    """
    if links:
        rows = [_to_row(identity, links[identity], now) for identity in sorted(links, key=str)]
        await _INSERT.rows(connection, rows=rows)


def _to_row(identity: Identity, lead_id: UUID, now: datetime) -> dict[str, Any]:
    domain = identity.value.rpartition("@")[2] if identity.kind == "email" else None
    return {"identity": str(identity), "lead_id": lead_id, "linked_at": now, "email_domain": domain}


_INSERT = Statement(partial(insert_rows, identities))


async def move(connection: AsyncConnection, merged: Mapping[UUID, UUID], now: datetime) -> None:
    """Move all identities of each retired lead to its survivor, and record their former lead."""
    if merged:
        rows = merger_rows(merged)
        await _REMEMBER.rows(connection, rows=rows, now=now)
        await _MOVE.rows(connection, rows=rows, now=now)


async def separate(connection: AsyncConnection, some: Collection[Identity], lead_id: UUID, now: datetime) -> None:
    """Move these identities, which must have a locked lead, to another one, and record their former lead."""
    are_theirs = any_of_values(identities.c.identity, map(str, some))
    links = select(identities.c.identity, identities.c.lead_id, identities.c.linked_at, literal(now, UtcDateTime))
    columns = former_identities.c.keys()
    await connection.execute(former_identities.insert().from_select(columns, links.where(are_theirs)))
    await connection.execute(update(identities).where(are_theirs).values(lead_id=lead_id, linked_at=now))


def mergers(dialect: Dialect) -> FromClause:
    """The parameter `rows`, as made by `merger_rows`: each retired lead with its survivor."""
    return rows_param_table([Column("retired", Id), Column("survivor", Id)], dialect)


def merger_rows(merged: Mapping[UUID, UUID]) -> list[dict[str, UUID]]:
    return [{"retired": retired, "survivor": survivor} for retired, survivor in merged.items()]


_NOW_GIVEN = bindparam("now", type_=UtcDateTime)


def _remember(dialect: Dialect) -> Any:
    links = select(identities.c.identity, identities.c.lead_id, identities.c.linked_at, _NOW_GIVEN)
    pairs = mergers(dialect)
    theirs = links.where(identities.c.lead_id == pairs.c.retired)
    return former_identities.insert().from_select(former_identities.c.keys(), theirs)


def _move(dialect: Dialect) -> Any:
    pairs = mergers(dialect)
    theirs = update(identities).where(identities.c.lead_id == pairs.c.retired)
    return theirs.values(lead_id=pairs.c.survivor, linked_at=_NOW_GIVEN)


_REMEMBER, _MOVE = Statement(_remember), Statement(_move)


@dataclass(frozen=True, slots=True)
class Link:
    """An identity's time with a lead. `until` is None if the identity still belongs to it."""

    identity: Identity
    lead_id: UUID
    since: datetime
    until: datetime | None

    def covers(self, moment: datetime) -> bool:
        return self.since <= moment and (self.until is None or moment < self.until)


_NOW = select(identities.c.identity, identities.c.lead_id, identities.c.linked_at, null().label("moved_at"))
_FORMERLY = select(*former_identities.c)


async def links_of_leads(connection: AsyncConnection, lead_ids: Collection[UUID]) -> list[Link]:
    """All present and former links of these leads. An identity that left and came back has several."""
    if not lead_ids:
        return []
    found = await _links(connection, _NOW.where(any_of_values(identities.c.lead_id, lead_ids)))
    return found + await _links(connection, _FORMERLY.where(any_of_values(former_identities.c.lead_id, lead_ids)))


async def links_of_identity(connection: AsyncConnection, identity: Identity) -> list[Link]:
    """An identity's links, from its first lead to the present one."""
    found = await links_of_identities(connection, [identity])
    # By end: of two merges at about the same moment, the later one may have the earlier time.
    return sorted(found, key=lambda link: (link.until is None, link.until, link.since))


async def page(connection: AsyncConnection, lead_id: UUID, after: Identity | None, limit: int) -> list[Link]:
    """The identities that a lead has now, in the order of their keys."""
    query = _NOW.where(identities.c.lead_id == lead_id)
    if after is not None:
        query = query.where(identities.c.identity > str(after))
    return await _links(connection, query.order_by(identities.c.identity).limit(limit))


async def former_links(connection: AsyncConnection, wanted: Collection[Identity]) -> dict[Identity, list[Link]]:
    """The former links of these identities, of each the earliest first."""
    query = _FORMERLY.where(any_of_values(former_identities.c.identity, map(str, wanted)))
    found: dict[Identity, list[Link]] = {identity: [] for identity in wanted}
    for link in await _links(connection, query.order_by(former_identities.c.moved_at)):
        found[link.identity].append(link)
    return found


async def links_of_identities(connection: AsyncConnection, wanted: Collection[Identity]) -> list[Link]:
    """All present and former links of these identities, in no particular order."""
    keys = list(map(str, wanted))
    found = await _links(connection, _NOW.where(any_of_values(identities.c.identity, keys)))
    return found + await _links(connection, _FORMERLY.where(any_of_values(former_identities.c.identity, keys)))


def leading_link(links: Collection[Link]) -> Link | None:
    """Of a lead's links, the one whose identity its id follows once others have taken the lead's identities.

    Of the identities that left last, it is the one that the lead had first: a merge moves all remaining identities, but
    others may have moved elsewhere before. None if it has not lost any.
    """
    last_loss = max((link.until for link in links if link.until is not None), default=None)
    if last_loss is None:
        return None
    lost = {link.identity for link in links if link.until == last_loss}
    return min((link for link in links if link.identity in lost), key=lambda link: (link.since, link.identity))


async def _links(connection: AsyncConnection, query: Select[Any]) -> list[Link]:
    rows = await connection.execute(query)
    return [Link(parse_identity(identity), *rest) for identity, *rest in rows]


def parse_identity(key: str) -> Identity:
    kind, _, value = key.partition(":")
    return Identity(kind, value)  # type: ignore[arg-type]  # only kinds that we wrote are stored
