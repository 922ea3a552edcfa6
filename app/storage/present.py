"""A lead as it is now, with its identities and the active version of the model, in one query."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Dialect, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.leads import STORED, Lead, from_row, survivor_of
from app.storage.rollouts import ACTIVE_VERSION
from app.storage.sql import json_list
from app.storage.statements import Statement
from app.storage.tables import identities, leads


class Present(NamedTuple):
    """`identities` are keys such as `email:ada@example.com`, in any order. `active_version`: None if there is none."""

    lead: Lead
    identities: Sequence[str]
    active_version: int | None


def _get(dialect: Dialect) -> Any:
    linked = select(json_list(identities.c.identity, dialect)).where(identities.c.lead_id == leads.c.id)
    query = select(*STORED, linked.scalar_subquery().label("linked"), ACTIVE_VERSION.label("active_version"))
    return query.where(leads.c.id == survivor_of(bindparam("lead_id", type_=leads.c.id.type)).scalar_subquery())


_GET = Statement(_get)


async def get(connection: AsyncConnection, lead_id: UUID) -> Present | None:
    """The lead with this id, or the one that it was merged into. Raises `UnreadableLead`."""
    for row in await _GET.rows(connection, lead_id=lead_id):
        return Present(from_row(row), row.linked or (), row.active_version)
    return None
