"""The lines of an export: JSON objects with a `kind`, the last one of the kind `end`."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import orjson
from pydantic import BaseModel

from app.documents.deliveries import DeliveryDocument
from app.documents.leads import EventDocument, HistoryDay, LeadDocument, TransitionDocument
from app.documents.rejections import RejectionDocument
from app.services.exports import ExportKind, Link

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


_DOCUMENTS: Mapping[ExportKind, Callable[[Any], BaseModel]] = {
    "lead": LeadDocument.of,
    "identity": LinkDocument.of,
    "score": HistoryDay.of,
    "transition": TransitionDocument.of,
    "event": EventDocument.of,
    "delivery": DeliveryDocument.of,
    "rejection": RejectionDocument.of,
}


def export_line(kind: ExportKind, item: Any) -> bytes:
    return orjson.dumps({"kind": kind, **_DOCUMENTS[kind](item).model_dump(mode="json")}) + b"\n"
