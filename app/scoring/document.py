"""The shapes of a scoring model as people write it: what `model.py` loads and checks."""

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)

from app.scoring.operators import as_number
from app.scoring.strings import canonical_name, trimmed
from app.validation.error_messages import NAME_PATTERN, in_one_fault

SUBJECTS = ("property", "context", "trait", "score", "signal")
NUMERIC_OPERATORS = ("eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte")  # a score knows no others
OPERATORS = (*NUMERIC_OPERATORS, "contains", "starts_with", "ends_with", "exists")  # in the order of the reference
COMBINERS = ("all", "any", "none")
DECAYS = ("expires_after_days", "half_life_days", "fades_over_days")


def _has_cents_at_most(value: float) -> float:
    if round(value, 2) != value:
        msg = "has more than two decimals, and the lines of a ledger have two"
        raise ValueError(msg)
    return value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _trimmed(value: Any) -> Any:
    return trimmed(value) if isinstance(value, str) else value


def _canonical_name(value: Any) -> Any:
    return canonical_name(value) if isinstance(value, str) else value


def _is_ordered(value: Any) -> Any:
    if not isinstance(value, str) and as_number(value) is None:
        msg = "must be a number or a string"
        raise ValueError(msg)
    return value


def _is_scalar(value: Any) -> Any:
    if not isinstance(value, bool | str) and as_number(value) is None:
        msg = "must be true or false, a number or a string"
        raise ValueError(msg)
    return value


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=64)]
EventName = Annotated[str, StringConstraints(min_length=1, max_length=200), BeforeValidator(_trimmed)]
TraitName = Annotated[str, StringConstraints(min_length=1, max_length=200), BeforeValidator(_canonical_name)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Points = Annotated[float, Field(ge=-1_000_000, le=1_000_000, allow_inf_nan=False)]
Limit = Annotated[Points, AfterValidator(_has_cents_at_most)]
Cap = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False), AfterValidator(_has_cents_at_most)]
CapOrNothing = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False), AfterValidator(_has_cents_at_most)]
Days = Annotated[int, Field(ge=1, le=36_500)]
Ordered = Annotated[Any, AfterValidator(_is_ordered), WithJsonSchema({"type": ["number", "string"]})]
Scalar = Annotated[Any, AfterValidator(_is_scalar), WithJsonSchema({"type": ["boolean", "number", "string"]})]
ExpectedScore = Annotated[
    float | dict[Literal["eq", "gt", "gte", "lt", "lte"], float],
    in_one_fault("must be a number, or operators such as {gte: 40, lt: 60}"),
]
EventNames = Annotated[list[EventName], Field(min_length=1, max_length=200)]


class Document(BaseModel):
    """A part of the model. Unknown fields are faults: a misspelt rule must not be a silent one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Leaf(Document):
    """One subject and the operators that must all hold of it."""

    property_: Path | None = Field(None, alias="property")
    context: Path | None = None
    trait: Path | None = None
    score: Name | None = None
    signal: Name | None = None
    eq: Scalar | None = None
    ne: Scalar | None = None
    in_: list[Scalar] | None = Field(None, alias="in", min_length=1)
    not_in: list[Scalar] | None = Field(None, min_length=1)
    gt: Ordered | None = None
    gte: Ordered | None = None
    lt: Ordered | None = None
    lte: Ordered | None = None
    contains: str | None = Field(None, min_length=1)
    starts_with: str | None = Field(None, min_length=1)
    ends_with: str | None = Field(None, min_length=1)
    exists: bool | None = None
    at_least: Annotated[int, Field(ge=1)] | None = None
    within_days: Days | None = None

    def as_written(self) -> dict[str, Any]:
        return self.model_dump(by_alias=True, exclude_none=True)

    @property
    def subject(self) -> str:
        return next(name for name in SUBJECTS if name in self.as_written())

    @property
    def target(self) -> str:
        """The dotted path, as names are stored, or the name, that the subject points to."""
        return canonical_name(self.as_written()[self.subject])

    @property
    def operators(self) -> dict[str, Any]:
        written = self.as_written()
        return {name: written[name] for name in OPERATORS if name in written}

    @model_validator(mode="after")
    def _is_one_question(self) -> Self:
        subjects = [name for name in SUBJECTS if name in self.as_written()]
        if len(subjects) != 1:
            msg = f"has {len(subjects)} subjects; write exactly one of {', '.join(SUBJECTS)}"
            raise ValueError(msg)
        counts = self.at_least is not None or self.within_days is not None
        if self.signal is not None and self.operators:
            msg = "a signal is asked about with at_least and within_days, not with operators"
            raise ValueError(msg)
        if self.signal is None and counts:
            msg = "at_least and within_days ask about a signal"
            raise ValueError(msg)
        if self.signal is None and not self.operators:
            msg = f"needs an operator: one of {', '.join(OPERATORS)}"
            raise ValueError(msg)
        return self


class Combination(Document):
    """Conditions combined. Where several combiners stand together, all of them must hold."""

    all: list["Condition"] | None = Field(None, min_length=1)
    any: list["Condition"] | None = Field(None, min_length=1)
    none: list["Condition"] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _combines_something(self) -> Self:
        if not any((self.all, self.any, self.none)):
            msg = "needs one of all, any, none"
            raise ValueError(msg)
        return self


def _kind_of_condition(value: Any) -> str:
    if isinstance(value, dict):
        return "combination" if value.keys() & set(COMBINERS) else "leaf"
    return "combination" if isinstance(value, Combination) else "leaf"


Condition = Annotated[
    Annotated[Combination, Tag("combination")] | Annotated[Leaf, Tag("leaf")],
    Discriminator(_kind_of_condition),
]


def leaves(condition: Condition, path: str) -> Iterator[tuple[str, Leaf]]:
    """Every leaf beneath a condition, each with its path in the document."""
    if isinstance(condition, Leaf):
        yield path, condition
        return
    for combiner in COMBINERS:
        for index, child in enumerate(getattr(condition, combiner) or ()):
            yield from leaves(child, f"{path}.{combiner}[{index}]")


class Trait(Document):
    """How a trait is treated. `trusted`: only secret keys set it."""

    trusted: bool = False


class Signal(Document):
    """Which events to count. `trusted`: only those that a secret key sent."""

    on: Annotated[EventNames, BeforeValidator(_as_list, json_schema_input_type=EventName | EventNames)]
    where: Condition | None = None
    trusted: bool = False


class Rule(Document):
    """One way to earn or lose points: by a signal, by a trait (`when`), or by silence."""

    signal: Name | None = None
    when: Condition | None = None
    inactive_for_days: Days | None = None
    points: Points
    per_day: Annotated[int, Field(ge=1)] | None = None
    expires_after_days: Days | None = None
    half_life_days: Annotated[float, Field(gt=0, le=36_500)] | None = None
    fades_over_days: Days | None = None
    at_least: Annotated[int, Field(ge=1)] | None = None
    within_days: Days | None = None
    max_points: Cap | None = None
    group: Name | None = None

    @property
    def cap(self) -> float:
        """The size that its points may have, infinite where nothing bounds it."""
        return math.inf if self.max_points is None else self.max_points

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        problem = _rule_problem(self)
        if problem:
            raise ValueError(problem)
        return self


def _rule_problem(rule: Rule) -> str | None:
    given = {name for name in rule.model_fields_set if getattr(rule, name) is not None}
    kinds = given & {"signal", "when", "inactive_for_days"}
    if len(kinds) != 1:
        return "needs exactly one of signal, when, inactive_for_days"
    decays = given & set(DECAYS)
    frequency = given & {"at_least", "within_days"}
    if "signal" not in given and (decays or frequency or "per_day" in given):
        return f"{', '.join(sorted(given - {'points', 'max_points', 'group'} - kinds))} belong to a rule with a signal"
    if len(decays) > 1:
        return f"fades in more than one way; choose one of {', '.join(DECAYS)}"
    if len(frequency) == 1:
        return "at_least and within_days go together"
    if frequency and decays:
        return f"with at_least and within_days the points do not fade; remove {', '.join(decays)}"
    return None


class Group(Document):
    """A cap over the sum of the rules that name it. Below zero it would take points from those who have none."""

    max: CapOrNothing


class Score(Document):
    """A number made of rules, held between `min` and `max`."""

    rules: dict[Name, Rule] = Field(min_length=1, max_length=500)
    min: Limit | None = None
    max: Limit | None = None
    groups: dict[Name, Group] = Field({}, max_length=100)
    bands: dict[Name, Limit] = Field({}, max_length=100)

    @property
    def limits(self) -> tuple[float, float]:
        """`min` and `max`, infinite where there is none."""
        return -math.inf if self.min is None else self.min, math.inf if self.max is None else self.max

    @property
    def falling_bands(self) -> list[tuple[float, str]]:
        """Thresholds from the highest down, each with its band."""
        return sorted(((threshold, band) for band, threshold in self.bands.items()), reverse=True)

    @model_validator(mode="after")
    def _limits_are_ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            msg = f"min {self.min:g} is above max {self.max:g}"
            raise ValueError(msg)
        return self


class Stage(Document):
    """A rung of the ladder. Only the first may be without `when`."""

    name: Name
    when: Condition | None = None
    keep: Condition | None = None
    sales_ready: bool = False


class Given(Document):
    """One message of an example, `times` over. Without `event` it only tells traits."""

    event: EventName | None = None
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    days_ago: Annotated[int, Field(ge=0, le=36_500)] = 0
    times: Annotated[int, Field(ge=1, le=10_000)] = 1
    trusted: bool = True


class Expected(Document):
    """What an example must come to. A score is a number, or operators such as `{gte: 40}`."""

    stage: Name | None = None
    sales_ready: bool | None = None
    scores: dict[Name, ExpectedScore] = {}


class Example(Document):
    """A sentence about people, and the proof that the model agrees."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    given: list[Given] = Field(max_length=500)
    expect: Expected


class ScoringModel(Document):
    """One scoring model: signals are counted, scores weigh signals, stages read scores."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    description: str | None = None
    traits: dict[TraitName, Trait] = Field({}, max_length=500)
    signals: dict[Name, Signal] = Field({}, max_length=500)
    scores: dict[Name, Score] = Field({}, max_length=20)
    stages: list[Stage] = Field(min_length=1, max_length=100)
    examples: list[Example] = Field([], max_length=500)
