"""Requests for proposals and backtests: which outcome, within how long, and seen from when."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, StrictFloat, StrictInt, StringConstraints, model_validator

from app.documents.parameters import AnyModel, Day, Storable

MAX_DAYS = 3_650
MAX_NAMES = 1_000
ASKED: dict[str, Any] = {"outcome": "order_completed", "within_days": 30, "every": "month"}

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Storable]
Names = Annotated[list[Name], Field(max_length=MAX_NAMES)]
Days = Annotated[int, Field(le=MAX_DAYS)]


class OutcomeRequest(BaseModel, extra="forbid"):
    """`outcome` is a signal or stage of the active model, or an event, which has to follow within `within_days`.

    Leads are looked at `every` day, week or month, or all `at` one day, or each `after_days` since it was first seen or
    entered `since_stage`. Once it has sent an event of `closed_by`, a lead is no longer looked at.
    """

    outcome: Name
    within_days: Annotated[Days, Strict(), Field(ge=1)]
    every: Literal["day", "week", "month"] = "week"
    at: Day | None = None
    after_days: Annotated[Days, Strict(), Field(ge=0)] | None = None
    since_stage: Name | None = None
    closed_by: Names = []

    @model_validator(mode="after")
    def _is_one_schedule(self) -> Self:
        if self.at is not None and self.after_days is not None:
            raise ValueError("give either `at` or `after_days`, not both")
        return self


class ProposalRequest(OutcomeRequest):
    """`exclude`: events and traits that no rule may use. `capacity_per_week` or `precision` decides the stage `sql`."""

    model_config = ConfigDict(json_schema_extra={"examples": [ASKED | {"capacity_per_week": 40}]})

    exclude: Names = []
    max_rules: Annotated[StrictInt, Field(ge=1, le=30)] = 30
    capacity_per_week: Annotated[StrictFloat, Field(gt=0, allow_inf_nan=False)] | None = None
    precision: Annotated[StrictFloat, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _has_one_goal(self) -> Self:
        if self.capacity_per_week is not None and self.precision is not None:
            raise ValueError("give either `capacity_per_week` or `precision`, not both")
        return self


class BacktestRequest(OutcomeRequest):
    """`model` is a version, `active`, or a whole document. `other` is compared with it on the same leads."""

    model_config = ConfigDict(json_schema_extra={"examples": [ASKED | {"model": 4, "other": "active"}]})

    model: AnyModel = "active"
    other: AnyModel | None = None
