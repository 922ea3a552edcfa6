"""A lead as it is now, with its identities and the active version of the model, in one query."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Dialect, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.events import Identity
from app.storage.leads import READ, Lead, from_row, survivor_of
from app.storage.rollouts import ACTIVE_VERSION
from app.storage.sql import json_list
from app.storage.statements import Statement
from app.storage.tables import identities, leads


class Present(NamedTuple):
    """`identities` are keys such as `email:ada@example.com`, in any order. `active_version`: None if there is none."""

    lead: Lead
    identities: Sequence[str]
    active_version: int | None


def _of(found: Any, dialect: Dialect) -> Any:
    """The query for the lead whose id a query finds."""
    linked = select(json_list(identities.c.identity, dialect)).where(identities.c.lead_id == leads.c.id)
    query = select(*READ, linked.scalar_subquery().label("linked"), ACTIVE_VERSION.label("active_version"))
    return query.where(leads.c.id == found.scalar_subquery())


_SURVIVOR = survivor_of(bindparam("wanted", type_=leads.c.id.type))
_OWNER = select(identities.c.lead_id).where(identities.c.identity == bindparam("wanted"))
_BY_ID, _BY_IDENTITY = Statement(partial(_of, _SURVIVOR)), Statement(partial(_of, _OWNER))


async def get(connection: AsyncConnection, wanted: UUID | Identity) -> Present | None:
    """The lead with this identity or id, or the one that it was merged into. Raises `UnreadableLead`."""
    if isinstance(wanted, UUID):
        rows = await _BY_ID.rows(connection, wanted=wanted)
    else:
        rows = await _BY_IDENTITY.rows(connection, wanted=str(wanted))
    return next((Present(from_row(row), row.linked or (), row.active_version) for row in rows), None)
