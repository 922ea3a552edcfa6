"""Rollouts in storage: when each version of the model was published, and how far its rollout has come.

The version of the latest rollout is the active one. A process claims a rollout for a while, and renews the claim with
every chunk of leads, in the same transaction: a process that has lost its claim can't change leads.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.queries import fetch_all, fetch_first
from app.storage.sql import UtcDateTime
from app.storage.statements import Statement
from app.storage.tables import rollouts, suppressions


@dataclass(frozen=True, slots=True)
class Rollout:
    """One publication. `leads` is how many leads were evaluated by another version when it began."""

    id: int
    version: int
    published_at: datetime
    published_by: str | None
    notify: bool
    leads: int
    started_at: datetime | None = None
    finished_at: datetime | None = None
    claimed_until: datetime | None = None


_COLUMNS = [column for column in rollouts.c if column.name != "claimed_by"]
_LATEST = select(*_COLUMNS).order_by(rollouts.c.id.desc()).limit(1)


class Active(NamedTuple):
    """The active version, None if there is none, and what every commit has to know beside it.

    `newest_suppression` is an id, None if nobody is suppressed.
    """

    version: int | None
    newest_suppression: int | None


_NEWEST = select(func.max(suppressions.c.id)).scalar_subquery().label("newest_suppression")
ACTIVE_VERSION = select(rollouts.c.version).order_by(rollouts.c.id.desc()).limit(1).scalar_subquery()
_ACTIVE = Statement(lambda _: select(rollouts.c.version, _NEWEST).order_by(rollouts.c.id.desc()).limit(1))


async def active(connection: AsyncConnection) -> Active:
    return next((Active(*row) for row in await _ACTIVE.rows(connection)), Active(None, None))


async def active_version(connection: AsyncConnection) -> int | None:
    return (await active(connection)).version


async def latest(connection: AsyncConnection) -> Rollout | None:
    return await fetch_first(connection, _LATEST, Rollout)


async def get(connection: AsyncConnection, rollout_id: int) -> Rollout | None:
    return await fetch_first(connection, select(*_COLUMNS).where(rollouts.c.id == rollout_id), Rollout)


async def of_version(connection: AsyncConnection, version: int) -> Rollout | None:
    """The latest rollout of a version; None if it was never published."""
    return await fetch_first(connection, _LATEST.where(rollouts.c.version == version), Rollout)


async def list_all(connection: AsyncConnection) -> list[Rollout]:
    """Every rollout, the oldest first."""
    return await fetch_all(connection, select(*_COLUMNS).order_by(rollouts.c.id), Rollout)


async def insert(
    connection: AsyncConnection,
    version: int,
    now: datetime,
    after: int,
    *,
    author: str | None,
    notify: bool,
    leads: int,
) -> Rollout:
    """Make a version the active one. `after` is the id of the latest rollout that the caller saw.

    Raises `Conflict` if there is a newer one: the decision to publish may be based on outdated facts.
    """
    rollout = Rollout(
        id=after + 1,
        version=version,
        published_at=now,
        published_by=author,
        notify=notify,
        leads=leads,
        finished_at=now if leads == 0 else None,
    )
    await connection.execute(rollouts.insert(), [asdict(rollout)])
    return rollout


async def claim(connection: AsyncConnection, rollout_id: int, owner: UUID, now: datetime, until: datetime) -> bool:
    """Claim a rollout, or renew our claim, until a moment. Returns False if another process holds it."""
    unclaimed = or_(rollouts.c.claimed_by.is_(None), rollouts.c.claimed_by == owner)
    # A claim so far ahead comes from a wrong clock, and its owner may be dead: it counts as expired.
    too_far = until + (until - now)
    free = or_(unclaimed, rollouts.c.claimed_until <= now, rollouts.c.claimed_until > too_far)
    started_at = _first_of(rollouts.c.started_at, now)
    changed = {"claimed_by": owner, "claimed_until": until, "started_at": started_at}
    return await _update(connection, (rollouts.c.id == rollout_id) & free, changed)


async def release(connection: AsyncConnection, owner: UUID) -> None:
    """Release this process's claims, so that others need not wait for them to expire."""
    await _update(connection, rollouts.c.claimed_by == owner, {"claimed_by": None, "claimed_until": None})


async def finish(connection: AsyncConnection, rollout_id: int, now: datetime) -> None:
    """Record that no lead is left. Later calls don't change the time."""
    changed = {"finished_at": _first_of(rollouts.c.finished_at, now), "claimed_by": None, "claimed_until": None}
    await _update(connection, rollouts.c.id == rollout_id, changed)


async def _update(connection: AsyncConnection, which: ColumnElement[bool], changed: dict[str, Any]) -> bool:
    return (await connection.execute(update(rollouts).where(which).values(changed))).rowcount == 1


def _first_of(column: Any, now: datetime) -> Any:
    return func.coalesce(column, literal(now, UtcDateTime))
