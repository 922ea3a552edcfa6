"""The shapes of retractions: which events to take back, and what became of them."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool, StringConstraints, model_validator

from app.documents.effects import LeadEffect
from app.documents.pages import Page
from app.documents.parameters import Moment, Note, Storable
from app.documents.periods import check_span
from app.services.retractions import EventFilter, Extent, Plan, RetractionState, RetractionView

MAX_MESSAGES = 1_000

Text = Annotated[str, StringConstraints(min_length=1, max_length=1_000), Storable]


class RetractionRequest(BaseModel, extra="forbid"):
    """Events that meet all the fields that are given. Times are those of receipt; `received_before` is excluded."""

    reason: Note
    dry_run: StrictBool = False
    message_ids: Annotated[list[Text], Field(min_length=1, max_length=MAX_MESSAGES)] | None = None
    source: Text | None = None
    name: Text | None = None
    lead_id: UUID | None = None
    received_from: Moment | None = None
    received_before: Moment | None = None
    address: Text | None = None
    agent: Text | None = None

    @model_validator(mode="after")
    def _has_a_filter(self) -> Self:
        if all(value is None for value in self._filter().values()):
            names = ", ".join(f"`{name}`" for name in self._filter())
            raise ValueError(f"give at least one of {names}")
        return self

    def wanted(self) -> EventFilter:
        """Raises `ValidationFailed`."""
        check_span(self.received_from, self.received_before, ("received_from", "received_before"))
        return EventFilter(**self._filter())

    def _filter(self) -> dict[str, Any]:
        return {name: value for name, value in self if name not in {"reason", "dry_run"}}


class RetractionDocument(BaseModel):
    """`events` and `leads` count what is taken back at the moment. `filter` loses its message ids at the end."""

    id: UUID
    state: RetractionState
    reason: str
    filter: dict[str, Any]
    events: int
    leads: int
    created_at: datetime
    created_by: str
    undone_at: datetime | None
    undone_by: str | None
    finished_at: datetime | None

    @classmethod
    def of(cls, view: RetractionView) -> Self:
        retraction, extent = view
        names = cls.model_fields.keys() - {"events", "leads"}
        own = {name: getattr(retraction, name) for name in names}
        return cls(**own, events=extent.events, leads=extent.leads)


class RetractionPage(Page[RetractionDocument]):
    pass


class RetractionAnswer(BaseModel):
    """The retraction, which a worker has yet to carry out. After a dry run: what it would do, without a `retraction`.

    `effects` has up to 200 of the `leads`.
    """

    dry_run: bool
    events: int
    leads: int
    effects: list[LeadEffect]
    retraction: RetractionDocument | None

    @classmethod
    def of_plan(cls, plan: Plan) -> Self:
        extent, effects = plan.extent, list(map(LeadEffect.of, plan.effects))
        return cls(dry_run=True, events=extent.events, leads=extent.leads, effects=effects, retraction=None)

    @classmethod
    def of_created(cls, view: RetractionView, extent: Extent) -> Self:
        """`extent`: what it will take back."""
        document = RetractionDocument.of(view)
        return cls(dry_run=False, events=extent.events, leads=extent.leads, effects=[], retraction=document)
