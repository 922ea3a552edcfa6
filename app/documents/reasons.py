"""Why a lead is in its stage, and what it lacks for the next one: conditions, each with the value that the lead has."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from app.scoring.field_types import Ordered, Scalar

Value = TypeVar("Value")


def _is_absent(value: object) -> bool:
    return value is None


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


Written = Annotated[Value | SkipJsonSchema[None], Field(exclude_if=_is_absent, json_schema_extra=_without_default)]
"""Part of a condition: there only if the model's condition has it, and never null."""


class ExplainedLeaf(BaseModel, extra="forbid", serialize_by_alias=True):
    """A condition as the model has it, with the lead's value.

    `actual` is null if there is none. `short_by` is by how much a number misses, null where nothing is missing.
    """

    property_: Written[str] = Field(None, alias="property")
    context: Written[str] = None
    trait: Written[str] = None
    score: Written[str] = None
    signal: Written[str] = None
    eq: Written[Scalar] = None
    ne: Written[Scalar] = None
    in_: Written[list[Scalar]] = Field(None, alias="in")
    not_in: Written[list[Scalar]] = None
    gt: Written[Ordered] = None
    gte: Written[Ordered] = None
    lt: Written[Ordered] = None
    lte: Written[Ordered] = None
    contains: Written[str] = None
    starts_with: Written[str] = None
    ends_with: Written[str] = None
    exists: Written[bool] = None
    at_least: Written[int] = None
    within_days: Written[int] = None
    actual: Any
    short_by: int | float | None


class ExplainedCombination(BaseModel, extra="forbid"):
    """Conditions combined, less those that don't matter for the result."""

    all: Written[list["ExplainedCondition"]] = None
    any: Written[list["ExplainedCondition"]] = None
    none: Written[list["ExplainedCondition"]] = None


ExplainedCondition = ExplainedLeaf | ExplainedCombination


class NextStage(BaseModel):
    """A stage above, and the conditions that the lead does not meet yet."""

    stage: str
    missing: ExplainedCondition | None


class StageReason(BaseModel):
    """`because` is the condition that holds: the stage's `keep` if `kept`, else its `when`; null if it needs none.

    `rungs` are the stages above, from the next one up: a lead may skip some. `next` is null in the highest stage.
    """

    stage: str
    kept: bool
    because: ExplainedCondition | None
    next: NextStage | None
    rungs: list[NextStage]
