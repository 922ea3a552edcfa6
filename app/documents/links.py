"""The shapes of merges and splits by hand: what is asked for, and what they do to the leads."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool

from app.documents.effects import LeadEffect
from app.documents.identities import WantedIdentities
from app.services.links import Merger, Split

MAX_LEADS = 20


class MergeRequest(BaseModel, extra="forbid"):
    lead_ids: Annotated[list[UUID], Field(min_length=2, max_length=MAX_LEADS)]
    dry_run: StrictBool = False


class SplitRequest(BaseModel, extra="forbid"):
    """The identities that become a lead of their own."""

    identities: WantedIdentities
    dry_run: StrictBool = False


class MergeAnswer(BaseModel):
    """The lead that remains, and the ids that refer to it from now on. With `dry_run`, nothing was stored."""

    dry_run: bool
    survivor: LeadEffect
    merged: list[UUID]

    @classmethod
    def of(cls, merger: Merger, *, dry_run: bool) -> Self:
        return cls(dry_run=dry_run, survivor=LeadEffect.of(merger.survivor), merged=list(merger.merged))


class SplitAnswer(BaseModel):
    """The lead that keeps its id, and the new one. With `dry_run`, nothing was stored, and the new id is not used.

    `former_ids`: ids of merged leads that refer to the new one from now on.
    """

    dry_run: bool
    remaining: LeadEffect
    separated: LeadEffect
    former_ids: list[UUID]

    @classmethod
    def of(cls, split: Split, *, dry_run: bool) -> Self:
        return cls(
            dry_run=dry_run,
            remaining=LeadEffect.of(split.remaining),
            separated=LeadEffect.of(split.separated),
            former_ids=list(split.separated.origin.former_ids) if split.separated.origin else [],
        )
