"""Lists of leads in storage: filters, orders, pages and counts, all by the stored evaluation."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, Row, Select, exists, func, literal, or_, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.accounts import AccountKey
from app.scoring.steps import INDEXED_SCORES, STEP, step_of
from app.storage.leads import READ, Lead, UnreadableLead, lead_or_error
from app.storage.sql import any_of_values, if_valid, or_error, starts_with
from app.storage.tables import NO_CHANGE_ON, identities, leads

STEPS = (leads.c.first_score_step, leads.c.second_score_step)


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """Which leads to list. None means no restriction, and `score_names` are the model's, in its order.

    `identity_prefixes`: beginnings of identities, such as `email:ada`, of which a lead must have one, or an email
    address whose domain begins with `domain_prefix`. `most_found`: read up to so many of these leads of each kind of
    identity, before all other filters; if None, test each lead. Days are in UTC, and included, save
    `next_change_before`.
    """

    score_names: Sequence[str]
    stages: Sequence[str] | None = None
    min_scores: Mapping[str, float] | None = None
    max_scores: Mapping[str, float] | None = None
    channel: str | None = None
    lead_ids: Sequence[UUID] | None = None
    accounts: Sequence[AccountKey] | None = None
    identity_prefixes: Sequence[str] | None = None
    domain_prefix: str | None = None
    most_found: int | None = None
    updated_after: datetime | None = None
    seen_from: date | None = None
    stage_since_from: date | None = None
    next_change_before: date | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the last lead's sort value and id. Only `last_seen_at` can be None."""

    value: datetime | date | float | None
    lead_id: UUID


class Entry(NamedTuple):
    """A lead of a list, and where a page ends that has it last."""

    lead: Lead
    position: Position


@dataclass(frozen=True, slots=True)
class Order:
    """The columns that sort a list, of which the last two are the sort value and the id.

    Those before are coarser than the sort value, and indexed: the database then sorts only the leads of a day, or of a
    score step. `next_change` ascends, everything else descends.
    """

    columns: tuple[ColumnElement[Any], ...]
    ascends: bool = False

    @classmethod
    def of(cls, by: str, score_names: Sequence[str]) -> "Order":
        if by == "last_seen_at":
            return cls((leads.c.last_seen_on, leads.c.last_seen_at, leads.c.id))
        if by == "stage_since":
            return cls((leads.c.stage_since, leads.c.id))
        if by == "next_change":
            return cls((leads.c.next_change_on, leads.c.id), ascends=True)
        return cls((*_step_columns(by, score_names), _score(by), leads.c.id))

    def applied(self, query: Select[Any], after: Position | None) -> Select[Any]:
        if after is not None:
            end = tuple_(*self._values(after))
            keys = tuple_(*self.columns)
            query = query.where(keys > end if self.ascends else keys < end)
        return query.order_by(*(column.asc() if self.ascends else column.desc() for column in self.columns))

    def _values(self, after: Position) -> Iterator[ColumnElement[Any]]:
        *coarse, value, lead_id = self.columns
        for column in coarse:
            yield literal(_coarse(after.value), column.type)
        yield literal(after.value, value.type)
        yield literal(after.lead_id, lead_id.type)


def _coarse(value: datetime | date | float | None) -> date | int:
    """The day of a moment, or the step of a score."""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else step_of(value or 0.0)


async def page(
    connection: AsyncConnection, wanted: LeadFilter, by: str, after: Position | None, limit: int
) -> list[Entry | UnreadableLead]:
    """Leads sorted by `last_seen_at`, `stage_since` or `next_change`, or by the score of that name."""
    order = Order.of(by, wanted.score_names)
    query = _filtered(select(*READ, or_error(order.columns[-2].label("sort_value"))), wanted)
    if by != "last_seen_at":
        return await _entries(connection, order.applied(query, after).limit(limit))
    # Leads without events come last. They are a query of their own, because databases sort nulls in different places.
    of_seen, of_unseen = query.where(leads.c.last_seen_on.is_not(None)), query.where(leads.c.last_seen_on.is_(None))
    if after is not None and after.value is None:
        unseen = of_unseen.where(leads.c.id < after.lead_id).order_by(leads.c.id.desc())
        return await _entries(connection, unseen.limit(limit))
    seen = await _entries(connection, order.applied(of_seen, after).limit(limit))
    if len(seen) == limit:
        return seen
    return seen + await _entries(connection, of_unseen.order_by(leads.c.id.desc()).limit(limit - len(seen)))


async def _entries(connection: AsyncConnection, query: Select[Any]) -> list[Entry | UnreadableLead]:
    return list(map(_entry_or_error, await connection.execute(query)))


def _entry_or_error(row: Row[Any]) -> Entry | UnreadableLead:
    lead = lead_or_error(row)
    return lead if isinstance(lead, UnreadableLead) else Entry(lead, Position(row.sort_value, row.id))


async def count_found(connection: AsyncConnection, wanted: LeadFilter, most: int) -> int:
    """How many identities the filter's search finds, counting up to `most` of each kind, from an index alone."""
    found = _found(wanted, most).subquery()
    return (await connection.execute(select(func.count()).select_from(found))).scalar_one()


async def count(
    connection: AsyncConnection, wanted: LeadFilter, stages: Mapping[str, Collection[str]], most: int
) -> dict[str, int]:
    """How many leads are in each stage, counting up to `most` of them. `stages`: the stored names of each."""
    counts = [_count(wanted, stage, names, most) for stage, names in stages.items()]
    if not counts:
        return {}
    return {row.stage: row.leads for row in await connection.execute(union_all(*counts))}


def _count(wanted: LeadFilter, stage: str, names: Collection[str], most: int) -> Select[str, int]:
    found = _filtered(select(leads.c.id), wanted).where(any_of_values(leads.c.stage, names)).limit(most).subquery()
    return select(literal(stage).label("stage"), func.count().label("leads")).select_from(found)


# --- Filters ----------------------------------------------------------------------------------------------------


def _filtered(query: Select[Any], wanted: LeadFilter) -> Select[Any]:
    return query.where(leads.c.merged_into.is_(None), *_stored(wanted), *_scored(wanted), *_identified(wanted))


def _stored(wanted: LeadFilter) -> Iterator[ColumnElement[bool]]:
    c = leads.c
    if wanted.stages is not None:
        yield any_of_values(c.stage, wanted.stages)
    if wanted.channel is not None:
        yield c.channel == wanted.channel
    if wanted.accounts is not None:
        yield c.account.is_not(None)
        yield any_of_values(c.account, map(str, wanted.accounts))
    if wanted.updated_after is not None:
        yield c.updated_at > wanted.updated_after
    if wanted.seen_from is not None:
        yield c.last_seen_on >= wanted.seen_from
    if wanted.stage_since_from is not None:
        yield c.stage_since >= datetime.combine(wanted.stage_since_from, time.min, UTC)
    if wanted.next_change_before is not None:
        yield c.next_change_on < min(wanted.next_change_before, NO_CHANGE_ON)


def _scored(wanted: LeadFilter) -> Iterator[ColumnElement[bool]]:
    for name, least in (wanted.min_scores or {}).items():
        steps = _step_columns(name, wanted.score_names)
        yield from (step >= step_of(least) for step in steps)
        if not steps or least != step_of(least) * STEP:  # else the step, which is in the index, decides
            yield _score(name) >= least
    for name, most in (wanted.max_scores or {}).items():
        yield from (step <= step_of(most) for step in _step_columns(name, wanted.score_names))
        yield _score(name) <= most


def _identified(wanted: LeadFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.lead_ids is not None:
        yield any_of_values(leads.c.id, wanted.lead_ids)
    searched = list(_searched(wanted))
    if searched and wanted.most_found is not None:
        yield leads.c.id.in_(_found(wanted, wanted.most_found))
    elif searched:
        own = select(literal(1)).where(identities.c.lead_id == leads.c.id, or_(*searched))
        yield exists(own.offset(0))  # PostgreSQL then tests lead after lead, in the order of the list


def _found(wanted: LeadFilter, most: int) -> CompoundSelect[UUID]:
    """The leads that the search finds: each condition reads a range of an index, up to the limit."""
    ranges = [select(identities.c.lead_id).where(each).limit(most).subquery() for each in _searched(wanted)]
    return union_all(*(select(each.c.lead_id) for each in ranges))


def _searched(wanted: LeadFilter) -> Iterator[ColumnElement[bool]]:
    """The conditions on an identity, of which one must hold."""
    for prefix in wanted.identity_prefixes or ():
        yield starts_with(identities.c.identity, prefix)
    if wanted.domain_prefix is not None:
        yield starts_with(identities.c.email_domain, wanted.domain_prefix)


def _step_columns(score: str, score_names: Sequence[str]) -> tuple[ColumnElement[int], ...]:
    """The column with the score's step, if it has one."""
    indexed = list(score_names[:INDEXED_SCORES])
    return (STEPS[indexed.index(score)],) if score in indexed else ()


def _score(name: str) -> Any:
    return func.coalesce(if_valid(leads.c.scores)[name].as_float(), 0.0)
