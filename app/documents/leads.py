"""The shapes of leads, their scores, events and transitions in answers. Output has no defaults."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_json

from app.documents.accounts import AccountReference
from app.documents.pages import Page, WholeList
from app.documents.reasons import StageReason, Written
from app.scoring.engine import Evaluation, LineKind, ledger
from app.scoring.event_points import points_of, signals_of
from app.scoring.events import IdentityKind
from app.scoring.sources import Channel
from app.scoring.stages import Cause, stage_reason
from app.services.leads import LeadView, LoggedEvent, StoredTransition
from app.services.lookback import ScoreView


class ScoreValue(BaseModel):
    value: float
    band: str | None

    @classmethod
    def of(cls, evaluation: Evaluation, name: str) -> Self:
        return cls(**_score_values(evaluation, name))


def _score_values(evaluation: Evaluation, name: str) -> dict[str, Any]:
    value = evaluation.values[name]
    return {"value": value, "band": evaluation.model.scores[name].band(value)}


class SourceDocument(BaseModel):
    channel: Channel
    referrer: str | None
    utm: dict[str, str]


class NextChange(BaseModel):
    on: date
    stage: str


class LeadDocument(BaseModel):
    """A person as of now. `next_change` is the next change of stage if nothing more happens.

    `updated_at` is when something was last stored, `changed_at` when the feed last had a change of this lead.
    """

    id: UUID
    stage: str
    stage_since: datetime
    sales_ready: bool
    scores: dict[str, ScoreValue]
    identities: dict[IdentityKind, list[str]]
    traits: dict[str, Any]
    account: AccountReference | None
    source: SourceDocument | None
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    event_count: int
    updated_at: datetime
    changed_at: datetime
    next_change: NextChange | None
    model_version: int
    as_of: datetime

    @classmethod
    def of(cls, view: LeadView, **more: Any) -> Self:
        return cls(**_lead_values(view), **more)

    @classmethod
    def json_of(cls, view: LeadView) -> bytes:
        """The document as JSON, without validating what we have just worked out: that takes longer than writing it."""
        return to_json(_lead_values(view))


def _lead_values(view: LeadView) -> dict[str, Any]:
    """The values of a `LeadDocument`, in the order of its fields."""
    facts, evaluation, change = view.evaluation.profile.facts, view.evaluation, view.next_change
    account = view.lead.account
    return {
        "id": view.lead.id,
        "stage": view.standing.stage,
        "stage_since": view.standing.since,
        "sales_ready": view.sales_ready,
        "scores": {name: _score_values(evaluation, name) for name in evaluation.values},
        "identities": view.identities,
        "traits": evaluation.traits,
        "account": {"id": account.id, "kind": account.kind, "value": account.value} if account else None,
        "source": {name: facts.source.value[name] for name in SourceDocument.model_fields} if facts.source else None,
        "first_seen_at": facts.first_seen_at,
        "last_seen_at": facts.last_seen_at,
        "event_count": facts.event_count,
        "updated_at": view.lead.updated_at,
        "changed_at": view.lead.changed_at,
        "next_change": {"on": change.on, "stage": change.stage} if change else None,
        "model_version": evaluation.model.version,
        "as_of": view.as_of,
    }


class LedgerLine(BaseModel, from_attributes=True):
    """`title` is what people call the rule, group or score: its own title, that of the rule's signal, or its name."""

    rule: str
    title: str
    signal: str | None
    hits: int
    last_hit_on: date | None
    points: float
    kind: LineKind


class ExplainedScore(ScoreValue):
    """`ledger`'s points sum to `value`."""

    ledger: list[LedgerLine]


class EvaluationDocument(BaseModel):
    """Scores with every point and the stage explained. `model_version` is null if the model has no version."""

    stage: str
    stage_reason: StageReason
    scores: dict[str, ExplainedScore]
    model_version: int | None
    as_of: datetime

    @classmethod
    def of(cls, evaluation: Evaluation, stage: str, as_of: datetime, **more: Any) -> Self:
        return cls(**_evaluation_values(evaluation, stage, as_of), **more)


def _evaluation_values(evaluation: Evaluation, stage: str, as_of: datetime) -> dict[str, Any]:
    """The values of an `EvaluationDocument`, in the order of its fields."""
    return {
        "stage": stage,
        "stage_reason": stage_reason(evaluation, stage),
        "scores": {
            name: _score_values(evaluation, name) | {"ledger": ledger(evaluation, name)} for name in evaluation.values
        },
        "model_version": evaluation.model.version or None,
        "as_of": as_of,
    }


class ScoreDocument(EvaluationDocument):
    """The evaluation of a lead. `id` is the lead's id at that moment: the lead may have been merged since."""

    id: UUID

    @classmethod
    def of_lead(cls, view: ScoreView) -> Self:
        return cls.of(view.evaluation, view.stage, view.as_of, id=view.lead_id)

    @classmethod
    def json_of(cls, view: ScoreView) -> bytes:
        """The document as JSON, not validated: see `LeadDocument.json_of`."""
        return to_json(_evaluation_values(view.evaluation, view.stage, view.as_of) | {"id": view.lead_id})


class HistoryDay(BaseModel):
    """A lead at the end of a day; for today, as of now.

    `forecast`: the day is yet to come, and this is how it will be if nothing more happens.
    """

    on: date
    forecast: bool
    id: UUID
    stage: str
    scores: dict[str, ScoreValue]
    model_version: int

    @classmethod
    def of(cls, view: ScoreView, now: datetime) -> Self:
        evaluation = view.evaluation
        return cls(
            on=view.as_of.date(),
            forecast=view.as_of > now,
            id=view.lead_id,
            stage=view.stage,
            scores={name: ScoreValue.of(evaluation, name) for name in evaluation.values},
            model_version=evaluation.model.version,
        )


class EventPointsDocument(BaseModel):
    """What an event contributes to a rule's points now, before caps."""

    score: str
    rule: str
    signal: str
    points: float


class EventDocument(BaseModel):
    """An event as it was stored and, if asked for, the signals that it hits and what it gives now.

    It doesn't count as long as it has a `retraction_id`.
    """

    id: UUID
    type: str
    name: str
    source: str
    message_id: str
    identities: list[dict[str, str]]
    occurred_at: datetime
    received_at: datetime
    properties: dict[str, Any]
    context: dict[str, Any]
    traits: dict[str, Any]
    retraction_id: UUID | None
    signals: Written[list[str]] = None
    points: Written[list[EventPointsDocument]] = None

    @classmethod
    def explained(cls, logged: LoggedEvent, evaluation: Evaluation) -> Self:
        """With the signals and points, of which retracted events have none."""
        if logged.retraction_id is not None:
            return cls.of(logged, signals=[], points=[])
        points = [
            EventPointsDocument.model_validate(each, from_attributes=True)
            for each in points_of(evaluation, logged.event)
        ]
        return cls.of(logged, signals=signals_of(evaluation, logged.event), points=points)

    @classmethod
    def of(cls, logged: LoggedEvent, **more: Any) -> Self:
        event = logged.event
        plain = ("id", "type", "name", "source", "message_id", "occurred_at", "received_at")
        mappings = ("properties", "context", "traits")
        return cls(
            **{name: getattr(event, name) for name in plain},
            **{name: dict(getattr(event, name)) for name in mappings},
            identities=[{identity.kind: identity.value} for identity in event.identities],
            retraction_id=logged.retraction_id,
            **more,
        )


class TransitionDocument(BaseModel):
    """`from_stage` to `to_stage`, with the scores at that moment. `notify`: whether subscribers are notified."""

    id: UUID
    lead_id: UUID
    from_stage: str
    to_stage: str
    at: datetime
    cause: Cause
    model_version: int
    scores: dict[str, float]
    notify: bool

    @classmethod
    def of(cls, stored: StoredTransition) -> Self:
        return cls(id=stored.id, lead_id=stored.lead_id, notify=stored.notify, **asdict(stored.transition))


class EventPage(Page[EventDocument]):
    pass


class TransitionPage(Page[TransitionDocument]):
    pass


class History(WholeList[HistoryDay]):
    """One entry per day, from the first day on which the lead was known."""
