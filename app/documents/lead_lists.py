"""The shapes of lists of leads: pages, counts and tables."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, Self

from pydantic import BaseModel

from app.documents.leads import LeadDocument
from app.documents.pages import Page
from app.documents.reasons import Written
from app.scoring.events import IDENTITY_KINDS
from app.scoring.reasons import strongest_reasons
from app.services.lead_lists import Count, LeadCounts
from app.services.leads import LeadView


class ReasonDocument(BaseModel):
    """A rule and its points, net of its own cap."""

    rule: str
    signal: str | None
    hits: int
    last_hit_on: date | None
    points: float


class ListedLead(LeadDocument):
    """A lead with, if asked for, the strongest reasons for each of its scores."""

    reasons: Written[dict[str, list[ReasonDocument]]] = None

    @classmethod
    def listed(cls, view: LeadView, reasons: int) -> Self:
        """`reasons`: how many for each score."""
        return cls.of(view, reasons=_reasons(view, reasons)) if reasons else cls.of(view)


def _reasons(view: LeadView, limit: int) -> dict[str, list[ReasonDocument]]:
    return {
        score: [
            ReasonDocument.model_validate(line, from_attributes=True)
            for line in strongest_reasons(view.evaluation, score, limit)
        ]
        for score in view.evaluation.values
    }


class LeadPage(Page[ListedLead]):
    pass


# --- Counts -----------------------------------------------------------------------------------------------------


class CountDocument(BaseModel):
    """A number of leads. If `relation` is `gte`, there are at least so many.

    Counting stops at 10,000 for a stage, and at 3,000 for a search.
    """

    value: int
    relation: Literal["eq", "gte"]

    @classmethod
    def of(cls, count: Count) -> Self:
        return cls(value=count.value, relation="eq" if count.is_exact else "gte")


class LeadCountsDocument(BaseModel):
    """How many leads match, by their stored stages, in the model's order."""

    total: CountDocument
    stages: dict[str, CountDocument]
    model_version: int
    as_of: datetime

    @classmethod
    def of(cls, counts: LeadCounts) -> Self:
        return cls(
            total=CountDocument.of(counts.total),
            stages={stage: CountDocument.of(count) for stage, count in counts.stages.items()},
            model_version=counts.model_version,
            as_of=counts.as_of,
        )


# --- Tables -----------------------------------------------------------------------------------------------------


def columns(score_names: Sequence[str], reasons: int) -> list[str]:
    """The columns of a table of leads, named as in their documents."""
    return [
        *("id", "stage", "stage_since", "sales_ready"),
        *(f"identities.{kind}" for kind in IDENTITY_KINDS),
        *(f"scores.{score}.{part}" for score in score_names for part in ("value", "band")),
        *(f"reasons.{score}" for score in score_names if reasons),
        *("next_change.on", "next_change.stage", "first_seen_at", "last_seen_at", "event_count"),
        *("source.channel", "source.referrer", "source.utm.source", "source.utm.campaign", "traits"),
    ]


def row(lead: ListedLead) -> dict[str, Any]:
    """A lead as a row of a table: its document, with the lists in it as text, and the traits as JSON."""
    document = lead.model_dump(mode="json")
    return document | {
        "identities": {kind: " ".join(values) for kind, values in document["identities"].items()},
        "reasons": {score: _joined(lines) for score, lines in document.get("reasons", {}).items()},
        "traits": json.dumps(document["traits"], ensure_ascii=False),
    }


def _joined(reasons: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{reason['rule']} {reason['points']:+}" for reason in reasons)
