"""The shapes of accounts in answers. Output has no defaults."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel

from app.documents.pages import Page
from app.scoring.accounts import AccountKey, AccountKind, Rollup
from app.services.accounts import AccountView


class AccountReference(BaseModel):
    """`value`: the id of a group, or a domain."""

    id: UUID
    kind: AccountKind
    value: str

    @classmethod
    def of(cls, key: AccountKey, **more: Any) -> Self:
        return cls(id=key.id, kind=key.kind, value=key.value, **more)


class AccountScoreDocument(BaseModel):
    """`highest`: of the account's leads; `lead_id`: the lead that has it. `sum`: of all its leads."""

    highest: float
    lead_id: UUID
    sum: float

    @classmethod
    def of(cls, rollup: Rollup, name: str) -> Self:
        return cls(highest=rollup.highest[name], lead_id=rollup.leaders[name], sum=rollup.sums[name])


class AccountDocument(AccountReference):
    """An organisation and what its leads add up to, by their stored stages and scores.

    `stage`: the highest that one of its leads is in; `stages`: how many are in each. The changes up to `position` in
    the feed are counted, by `model_version`. `traits` are those of the group, and like `first_seen_at` and
    `last_seen_at`, they are as of now.
    """

    traits: dict[str, Any]
    stage: str
    stages: dict[str, int]
    leads: int
    scores: dict[str, AccountScoreDocument]
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    model_version: int
    position: int
    as_of: datetime

    @classmethod
    def of_view(cls, view: AccountView) -> Self:
        rollup = view.account.rollup
        return cls.of(
            view.account.key,
            traits=dict(view.traits),
            stage=rollup.stage,
            stages=rollup.stages,
            leads=rollup.leads,
            scores={name: AccountScoreDocument.of(rollup, name) for name in rollup.highest},
            first_seen_at=view.seen.first_at,
            last_seen_at=view.seen.last_at,
            model_version=view.account.model_version,
            position=view.position,
            as_of=view.as_of,
        )


class AccountPage(Page[AccountDocument]):
    pass
