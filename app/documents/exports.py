"""The lines of an export: JSON objects with a `kind`, the last one of the kind `end`."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

import orjson
from pydantic import BaseModel

from app.documents.deliveries import DeliveryDocument
from app.documents.leads import EventDocument, HistoryDay, LeadDocument, TransitionDocument
from app.documents.rejections import RejectionDocument
from app.services.exports import ExportKind, GroupSummary, Link, Summary
from app.services.rejections import Rejection, event_to_text

END = orjson.dumps({"kind": "end"}) + b"\n"
"""Without it, an export is incomplete."""


class LinkDocument(BaseModel):
    """An identity's time with a lead. `until` is null if it is the present one."""

    identity: dict[str, str]
    lead_id: UUID
    since: datetime
    until: datetime | None

    @classmethod
    def of(cls, link: Link) -> Self:
        identity = {link.identity.kind: link.identity.value}
        return cls(identity=identity, lead_id=link.lead_id, since=link.since, until=link.until)


class SummaryDocument(BaseModel):
    """What is left of an identity's deleted events. The `tally` has the days of hits by the signal's fingerprint."""

    identity: dict[str, str]
    event_count: int
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    traits: dict[str, Any]
    tally: dict[str, dict[date, int]]
    source: dict[str, Any] | None
    group: str | None

    @classmethod
    def of(cls, summary: Summary) -> Self:
        facts = summary.facts
        return cls(
            identity={summary.identity.kind: summary.identity.value},
            event_count=facts.event_count,
            first_seen_at=facts.first_seen_at,
            last_seen_at=facts.last_seen_at,
            traits=facts.known_traits(),
            tally={
                signal: {date.fromordinal(day): hits for day, hits in days.items()}
                for signal, days in facts.tally.items()
            },
            source=facts.source.value if facts.source else None,
            group=facts.group.value if facts.group else None,
        )


class GroupSummaryDocument(BaseModel):
    """What an identity's deleted `group` messages said of a group."""

    identity: dict[str, str]
    group: str
    traits: dict[str, Any]

    @classmethod
    def of(cls, summary: GroupSummary) -> Self:
        identity = {summary.identity.kind: summary.identity.value}
        return cls(identity=identity, group=summary.group_id, traits=summary.facts.known_traits())


class ExportedRejection(RejectionDocument):
    """`event`: of a quarantined message, what it becomes when it is released, as JSON text like the `body`."""

    event: str | None

    @classmethod
    def of(cls, rejection: Rejection) -> Self:
        event = rejection.event and event_to_text(rejection.event)
        return cls(**RejectionDocument.of(rejection).model_dump(), event=event)


_DOCUMENTS: Mapping[ExportKind, Callable[[Any], BaseModel]] = {
    "lead": LeadDocument.of,
    "identity": LinkDocument.of,
    "score": lambda day: HistoryDay.of(day, day.as_of),  # none is yet to come
    "summary": SummaryDocument.of,
    "group": GroupSummaryDocument.of,
    "transition": TransitionDocument.of,
    "event": EventDocument.of,
    "delivery": DeliveryDocument.of,
    "rejection": ExportedRejection.of,
}


def export_line(kind: ExportKind, item: Any) -> bytes:
    return orjson.dumps({"kind": kind, **_DOCUMENTS[kind](item).model_dump(mode="json")}) + b"\n"
