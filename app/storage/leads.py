"""Leads in storage: their facts and stages. `saving` writes them; lists of leads are in `lead_lists`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.accounts import AccountKey, parse_account_key
from app.scoring.events import Identity
from app.scoring.facts import Facts
from app.scoring.separations import Separations
from app.scoring.stages import Forecast, Standing
from app.storage.db import Conflict
from app.storage.facts import (
    are_one,
    stamped_from_json,
    tally_from_json,
    traits_from_json,
)
from app.storage.identities import find, parse_identity
from app.storage.queries import UnreadableRow, check_row, fetch_each
from app.storage.sql import any_of_param, any_of_values, or_error
from app.storage.statements import Statement
from app.storage.tables import identities, leads

STORED = [column for column in leads.c if column.name != "merged_into"]
READ = [column if column is leads.c.id else or_error(column) for column in STORED]
"""What `from_row` needs."""

RANDOM_FROM = 29
"""From this character on, an id is random: 32 bits."""


class UnreadableLead(UnreadableRow):
    """The row of a lead is damaged; `__cause__` says how."""

    def __init__(self, lead_id: UUID) -> None:
        super().__init__("leads", lead_id)
        self.lead_id = lead_id


@dataclass(frozen=True, slots=True)
class Lead:
    """One person. `scores`, `standing` and `account` are those of the last evaluation, by the model of `model_version`.

    `journey`: its way through the stages (see `app.scoring.journeys`). `score_steps`: see `app.scoring.steps`.
    `next_change`: if nothing more happens; `is_forecast`: whether that is known, which it is from the first check after
    the last event. `created_at`: when it became known, or one that was merged into it, whichever was first.
    `updated_at` is when the row last changed, `changed_at` when the feed last had a change of the lead. `separations`:
    see `app.scoring.separations`. `is_outdated`: whether that evaluation used other facts or names than these. It isn't
    stored.
    """

    id: UUID
    facts: Facts
    standing: Standing
    scores: Mapping[str, float]
    model_version: int
    next_check_on: date | None
    next_change: Forecast | None
    is_forecast: bool
    score_steps: tuple[int, int]
    journey: str
    account: AccountKey | None
    created_at: datetime
    updated_at: datetime
    changed_at: datetime
    separations: Separations = field(default_factory=dict)
    is_outdated: bool = False

    def is_forecast_by(self, model_version: int, now: datetime) -> bool:
        """Whether a version's forecast is known that is not over yet."""
        is_over = self.next_change is not None and self.next_change.on <= now.date()
        return self.is_forecast and self.model_version == model_version and not is_over


_LOCKED = select(*READ, leads.c.merged_into).order_by(leads.c.id).with_for_update(of=leads)
"""Always in the order of ids, to avoid deadlocks."""

_LOCK_OWNERS = Statement(
    lambda _: (
        _LOCKED.add_columns(identities.c.identity)
        .join(identities, identities.c.lead_id == leads.c.id)
        .where(any_of_param(identities.c.identity, "wanted"))
    )
)


async def lock_owners(
    connection: AsyncConnection, wanted: Collection[Identity]
) -> tuple[dict[Identity, UUID], dict[UUID, Lead]]:
    """The leads of the known ones of these identities, locked until the transaction ends.

    Raises `Conflict` if one of the leads was merged away meanwhile, or lost one of the identities in a split.
    """
    links: dict[Identity, UUID] = {}
    found: dict[UUID, Lead] = {}
    for row in await _LOCK_OWNERS.rows(connection, wanted=list(map(str, wanted))):
        if row.merged_into is not None:
            raise Conflict
        links[parse_identity(row.identity)] = row.id
        if row.id not in found:
            found[row.id] = from_row(row)
    if any(lead.separations for lead in found.values()) and await find(connection, wanted) != links:
        raise Conflict  # the rows of leads are the latest, but those of identities may be older than the locks
    return links, found


async def lock(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Lead]:
    """These leads, locked until the transaction ends. Raises `Conflict` if one was merged away or erased meanwhile."""
    rows = (await connection.execute(_LOCKED.where(any_of_values(leads.c.id, ids)))).all()
    if len(rows) < len(ids) or any(row.merged_into is not None for row in rows):
        raise Conflict
    return {row.id: from_row(row) for row in rows}


def survivor_of(lead_id: UUID | BindParameter[UUID]) -> Select[Any]:
    """Queries the id itself, or the id of the lead that it was merged into."""
    return select(func.coalesce(leads.c.merged_into, leads.c.id)).where(leads.c.id == lead_id)


async def survivor(connection: AsyncConnection, lead_id: UUID) -> UUID:
    """The id itself, or the id of the lead that it was merged into."""
    found: UUID = (await connection.execute(survivor_of(lead_id))).scalar_one()
    return found


async def survivors(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The same for several leads, by their ids."""
    query = select(leads.c.id, func.coalesce(leads.c.merged_into, leads.c.id).label("survivor"))
    rows = await connection.execute(query.where(any_of_values(leads.c.id, ids)))
    return {row.id: row.survivor for row in rows}


_GET = Statement(
    lambda _: select(*READ).where(
        leads.c.id == survivor_of(bindparam("lead_id", type_=leads.c.id.type)).scalar_subquery()
    )
)


async def get(connection: AsyncConnection, lead_id: UUID) -> Lead | None:
    """The lead with this id, or the one that it was merged into."""
    return next(map(from_row, await _GET.rows(connection, lead_id=lead_id)), None)


async def get_many(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Lead]:
    """The leads with these ids, in the order of their ids. Raises `UnreadableLead`."""
    return {row.id: from_row(row) for row in await _rows(connection, ids)}


async def get_each(connection: AsyncConnection, ids: Collection[UUID]) -> list[Lead | UnreadableLead]:
    """The same, with an error in the place of each lead that can't be read."""
    return list(map(lead_or_error, await _rows(connection, ids)))


_GET_MANY = Statement(lambda _: select(*READ).where(any_of_param(leads.c.id, "ids")).order_by(leads.c.id))


async def _rows(connection: AsyncConnection, ids: Collection[UUID]) -> Sequence[Any]:
    return await _GET_MANY.rows(connection, ids=list(ids)) if ids else []


async def lock_due(connection: AsyncConnection, today: date, limit: int) -> list[UUID]:
    """Lock leads whose next check is due, the longest due first, skipping those locked by others."""
    query = select(leads.c.id).where(leads.c.next_check_on <= today).order_by(leads.c.next_check_on).limit(limit)
    return list((await connection.execute(query.with_for_update(skip_locked=True))).scalars())


async def postpone_check(connection: AsyncConnection, lead_id: UUID, day: date) -> None:
    """Schedule a lead's next check without reading the lead."""
    await connection.execute(update(leads).where(leads.c.id == lead_id).values(next_check_on=day))


async def oldest_due(connection: AsyncConnection) -> date | None:
    oldest: date | None = (await connection.execute(select(func.min(leads.c.next_check_on)))).scalar()
    return oldest


def _is_outdated(model_version: int) -> ColumnElement[bool]:
    # Not `!=`, which can't use an index: this runs every two seconds, and nearly always finds nothing.
    other = or_(leads.c.model_version < model_version, leads.c.model_version > model_version)
    return and_(other, leads.c.merged_into.is_(None))


def _outdated(model_version: int, without: Collection[UUID]) -> Select[Any]:
    query = select(leads.c.id).where(_is_outdated(model_version))
    return query.where(~any_of_values(leads.c.id, without)) if without else query


async def lock_outdated(
    connection: AsyncConnection, model_version: int, after: UUID | None, limit: int, without: Collection[UUID]
) -> list[UUID]:
    """Lock leads last evaluated by another version of the model, in the order of their ids."""
    query = _outdated(model_version, without).order_by(leads.c.id).limit(limit).with_for_update()
    if after is not None:
        query = query.where(leads.c.id > after)
    return list((await connection.execute(query)).scalars())


async def has_outdated(connection: AsyncConnection, model_version: int, without: Collection[UUID]) -> bool:
    return (await connection.execute(_outdated(model_version, without).limit(1))).first() is not None


async def count_outdated(connection: AsyncConnection, model_version: int) -> int:
    query = select(func.count()).select_from(leads).where(_is_outdated(model_version))
    return (await connection.execute(query)).scalar_one()


async def ids_after(connection: AsyncConnection, last: UUID | None, limit: int) -> list[UUID]:
    """The ids of the next leads, in order."""
    query = select(leads.c.id).where(leads.c.merged_into.is_(None))
    if last is not None:
        query = query.where(leads.c.id > last)
    return list((await connection.execute(query.order_by(leads.c.id).limit(limit))).scalars())


async def sample(connection: AsyncConnection, size: int) -> list[UUID]:
    """The ids of leads chosen at random, sorted. They are the same ones each time, as long as no lead comes or goes."""
    random_end = func.substr(cast(leads.c.id, String), RANDOM_FROM)
    query = select(leads.c.id).where(leads.c.merged_into.is_(None)).order_by(random_end, leads.c.id).limit(size)
    return sorted(row.id for row in await connection.execute(query))


async def accounts(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, AccountKey]:
    """The accounts of those of these leads that have one, without reading the rest of the leads."""
    query = select(leads.c.id, leads.c.account).where(any_of_values(leads.c.id, ids), leads.c.account.is_not(None))
    return {row.id: parse_account_key(row.account) for row in await connection.execute(query)}


async def stages(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, tuple[str, int]]:
    """Each lead's stored stage and the model version that names it; for a merged lead, those before the merge."""
    query = select(leads.c.id, leads.c.stage, leads.c.model_version).where(any_of_values(leads.c.id, ids))
    return {row.id: (row.stage, row.model_version) for row in await connection.execute(query)}


async def standings(connection: AsyncConnection) -> list[tuple[UUID, int, Standing] | UnreadableRow]:
    """Every lead with its standing, and the model version that names the stages."""
    columns = (leads.c.id, leads.c.model_version, leads.c.stage, leads.c.stage_since, leads.c.reached)
    query = select(*columns).where(leads.c.merged_into.is_(None))
    return await fetch_each(connection, leads, query, lambda row: (row.id, row.model_version, _standing(row)))


async def count(connection: AsyncConnection) -> int:
    query = select(func.count()).select_from(leads).where(leads.c.merged_into.is_(None))
    return (await connection.execute(query)).scalar_one()


async def count_by_stage(connection: AsyncConnection) -> dict[str, int]:
    query = (
        select(leads.c.stage, func.count().label("leads")).where(leads.c.merged_into.is_(None)).group_by(leads.c.stage)
    )
    return {row.stage: row.leads for row in await connection.execute(query)}


# --- Rows -------------------------------------------------------------------------------------------------------


def lead_or_error(row: Any) -> Lead | UnreadableLead:
    """The same as `from_row`, but the error is returned."""
    try:
        return from_row(row)
    except UnreadableLead as error:
        return error


def from_row(row: Any) -> Lead:
    """The lead in a row with all columns of `READ`. Raises `UnreadableLead`."""
    try:
        return _read(row)
    except Exception as error:
        raise UnreadableLead(row.id) from error


def _read(row: Any) -> Lead:
    check_row(row)
    traits = traits_from_json(row.traits)
    facts = Facts(
        tally=tally_from_json(row.tally),
        traits=traits,
        trusted_traits=traits if are_one(row.traits, row.trusted_traits) else traits_from_json(row.trusted_traits),
        source=stamped_from_json(row.source) if row.source else None,
        group=stamped_from_json(row.joined_group) if row.joined_group else None,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        event_count=row.event_count,
    )
    return Lead(
        id=row.id,
        facts=facts,
        standing=_standing(row),
        scores=row.scores,
        model_version=row.model_version,
        next_check_on=row.next_check_on,
        next_change=Forecast(row.next_change_on, row.next_change_to) if row.next_change_to else None,
        is_forecast=row.next_change_to is not None,
        score_steps=(row.first_score_step, row.second_score_step),
        journey=row.journey,
        account=parse_account_key(row.account) if row.account else None,
        created_at=row.created_at,
        updated_at=row.updated_at,
        changed_at=row.changed_at or row.updated_at,
        separations=row.separations or {},
    )


def _standing(row: Any) -> Standing:
    reached = {stage: datetime.fromisoformat(at) for stage, at in row.reached.items()}
    return Standing(row.stage, row.stage_since, reached)
