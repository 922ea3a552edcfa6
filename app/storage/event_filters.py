"""Filters of events: as conditions in SQL, and as JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, func, select

from app.scoring.events import event_name_key
from app.storage.sql import any_of_values
from app.storage.tables import events, identities, leads


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Events that meet all of these; None means any. Times are those of receipt, `received_before` excluded.

    `address` and `agent` are what the client sent as `context.ip` and `context.userAgent`. `identities`: those that
    events are filed under, as `kind:value`; `lead_id` means the ones that the lead has now.
    """

    message_ids: Sequence[str] | None = None
    source: str | None = None
    name: str | None = None
    lead_id: UUID | None = None
    received_from: datetime | None = None
    received_before: datetime | None = None
    address: str | None = None
    agent: str | None = None
    identities: Sequence[str] | None = None

    def condition(self) -> ColumnElement[bool]:
        given = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
        return and_(*(_CONDITIONS[name](value) for name, value in given.items()))


def filter_to_json(wanted: EventFilter) -> dict[str, Any]:
    """The fields that are set."""
    return {name: value for name, value in asdict(wanted).items() if value is not None}


def filter_from_json(stored: Mapping[str, Any]) -> EventFilter:
    return _FILTER.validate_python(stored)


_FILTER = TypeAdapter(EventFilter)


def _identities_of(lead_id: UUID) -> Any:
    """The identities of a lead, or of the one that it was merged into."""
    survivor = select(func.coalesce(leads.c.merged_into, leads.c.id)).where(leads.c.id == lead_id).scalar_subquery()
    return select(identities.c.identity).where(identities.c.lead_id == survivor)


_CONDITIONS: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "message_ids": lambda ids: any_of_values(events.c.message_id, ids),
    "source": lambda source: events.c.source == source,
    "name": lambda name: events.c.name_key == event_name_key(name),
    "lead_id": lambda lead_id: events.c.identity.in_(_identities_of(lead_id)),
    "received_from": lambda moment: events.c.received_at >= moment,
    "received_before": lambda moment: events.c.received_at < moment,
    "address": lambda address: events.c.context["ip"].as_string() == address,
    "agent": lambda agent: events.c.context["userAgent"].as_string() == agent,
    "identities": lambda keys: any_of_values(events.c.identity, keys),
}
