"""The shape of a scoring model's document, which `model.py` loads and checks."""

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from app.scoring.field_types import (
    Cap,
    CapOrNothing,
    Days,
    EventName,
    EventNames,
    ExpectedScore,
    Limit,
    Name,
    Ordered,
    Path,
    Points,
    Scalar,
    Title,
    TraitName,
    as_list,
)
from app.scoring.strings import canonical_name

SUBJECTS = ("property", "context", "trait", "score", "signal")
NUMERIC_OPERATORS = ("eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte")  # a score knows no others
OPERATORS = (*NUMERIC_OPERATORS, "contains", "starts_with", "ends_with", "exists")  # in the order of the reference
COMBINERS = ("all", "any", "none")
DECAYS = ("expires_after_days", "half_life_days", "fades_over_days")


class Document(BaseModel):
    """A part of the model. Unknown fields are faults, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Leaf(Document):
    """One subject, and operators that must all hold for it."""

    property_: Path | None = Field(
        None, alias="property", description="A property of the event, by its dotted path: cart.total"
    )
    context: Path | None = Field(None, description="The event's context, by its dotted path: page.path")
    trait: Path | None = Field(None, description="A trait of the lead, by its dotted path: company.employees")
    score: Name | None = Field(None, description="A score of the lead, compared with numbers.")
    signal: Name | None = Field(None, description="A signal, whose hits are counted.")
    eq: Scalar | None = Field(None, description="Holds if the value is equal. Text is compared regardless of case.")
    ne: Scalar | None = Field(None, description="Holds if the value is present and not equal.")
    in_: list[Scalar] | None = Field(
        None, alias="in", min_length=1, description="Holds if the value equals one of these."
    )
    not_in: list[Scalar] | None = Field(
        None, min_length=1, description="Holds if the value is present and equals none of these."
    )
    gt: Ordered | None = Field(None, description="Holds if the value is greater.")
    gte: Ordered | None = Field(None, description="Holds if the value is greater or equal.")
    lt: Ordered | None = Field(None, description="Holds if the value is less.")
    lte: Ordered | None = Field(None, description="Holds if the value is less or equal.")
    contains: str | None = Field(
        None, min_length=1, description="Holds if the value contains this text, regardless of case."
    )
    starts_with: str | None = Field(
        None, min_length=1, description="Holds if the value starts with this text, regardless of case."
    )
    ends_with: str | None = Field(
        None, min_length=1, description="Holds if the value ends with this text, regardless of case."
    )
    exists: bool | None = Field(None, description="Holds if the value is present (true) or absent (false).")
    at_least: Annotated[int, Field(ge=1)] | None = Field(
        None, description="The number of hits that the signal needs; 1 by default."
    )
    within_days: Days | None = Field(
        None, description="Count only hits of the last so many days, including today; by default, all hits."
    )

    def as_written(self) -> dict[str, Any]:
        return self.model_dump(by_alias=True, exclude_none=True)

    @property
    def subject(self) -> str:
        return next(name for name in SUBJECTS if name in self.as_written())

    @property
    def target(self) -> str:
        """The dotted path, in the form in which names are stored, or the name of the subject."""
        return canonical_name(self.as_written()[self.subject])

    @property
    def operators(self) -> dict[str, Any]:
        written = self.as_written()
        return {name: written[name] for name in OPERATORS if name in written}

    @model_validator(mode="after")
    def _is_one_question(self) -> Self:
        subjects = [name for name in SUBJECTS if name in self.as_written()]
        if len(subjects) != 1:
            raise ValueError(f"has {len(subjects)} subjects; write exactly one of {', '.join(SUBJECTS)}")
        counts = self.at_least is not None or self.within_days is not None
        if self.signal is not None and self.operators:
            raise ValueError("a signal is asked about with at_least and within_days, not with operators")
        if self.signal is None and counts:
            raise ValueError("at_least and within_days ask about a signal")
        if self.signal is None and not self.operators:
            raise ValueError(f"needs an operator: one of {', '.join(OPERATORS)}")
        return self


class Combination(Document):
    """Combined conditions. If there are several combiners, all of them must hold."""

    all: list["Condition"] | None = Field(None, min_length=1, description="Holds if all of these hold.")
    any: list["Condition"] | None = Field(None, min_length=1, description="Holds if at least one of these holds.")
    none: list["Condition"] | None = Field(None, min_length=1, description="Holds if none of these holds.")

    @model_validator(mode="after")
    def _combines_something(self) -> Self:
        if not any((self.all, self.any, self.none)):
            raise ValueError("needs one of all, any, none")
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
    """Every leaf of a condition, with its path in the document."""
    if isinstance(condition, Leaf):
        yield path, condition
        return
    for combiner in COMBINERS:
        for index, child in enumerate(getattr(condition, combiner) or ()):
            yield from leaves(child, f"{path}.{combiner}[{index}]")


class Trait(Document):
    """How a trait is treated. `trusted`: only secret keys set it."""

    trusted: bool = Field(
        default=False, description="true: only secret keys can set it; values from public keys are ignored."
    )


class Signal(Document):
    """Which events to count. `trusted`: only those sent with a secret key."""

    on: Annotated[EventNames, BeforeValidator(as_list, json_schema_input_type=EventName | EventNames)] = Field(
        description="One event name or a list. Case, spaces, `_` and `-` do not matter."
    )
    where: Condition | None = Field(None, description="A condition on the event's properties and context.")
    trusted: bool = Field(default=False, description="true: count only events sent with a secret key.")
    title: Title | None = Field(None, description="What people call the signal; its name by default.")


class Rule(Document):
    """One way to earn or lose points: by a signal, by a trait (`when`), or by inactivity."""

    signal: Name | None = Field(
        None, description="Points for each hit of this signal; with at_least and within_days, the points once."
    )
    when: Condition | None = Field(None, description="Points while this condition on traits holds.")
    inactive_for_days: Days | None = Field(
        None, description="Points while the last event is this many days old, or older."
    )
    points: Points = Field(description="The points that it gives; may be negative.")
    per_day: Annotated[int, Field(ge=1)] | None = Field(None, description="The most hits that count per day.")
    expires_after_days: Days | None = Field(
        None, description="A hit counts fully while it is younger than this, then not at all."
    )
    half_life_days: Annotated[float, Field(gt=0, le=36_500)] | None = Field(
        None, description="A hit counts half after this many days, a quarter after twice as many."
    )
    fades_over_days: Days | None = Field(
        None, description="A hit counts less each day, and not at all after this many."
    )
    at_least: Annotated[int, Field(ge=1)] | None = Field(
        None, description="With within_days: give the points once, while the signal has this many hits."
    )
    within_days: Days | None = Field(
        None, description="With at_least: count only hits of the last so many days, including today."
    )
    max_points: Cap | None = Field(
        None, description="Limits the rule's points to plus or minus this much. At most two decimals."
    )
    group: Name | None = Field(None, description="The group of this score whose cap includes the rule.")
    title: Title | None = Field(
        None, description="What people call the rule; by default, the title of its signal or the rule's name."
    )

    @property
    def cap(self) -> float:
        """The largest absolute value of its points, infinite if nothing limits it."""
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
    of_signals = decays | frequency | given & {"per_day"}
    if "signal" not in given and of_signals:
        return f"{', '.join(sorted(of_signals))} belong to a rule with a signal"
    if len(decays) > 1:
        return f"fades in more than one way; choose one of {', '.join(DECAYS)}"
    if len(frequency) == 1:
        return "at_least and within_days go together"
    if frequency and decays:
        return f"with at_least and within_days the points do not fade; remove {', '.join(decays)}"
    return None


class Group(Document):
    """A cap on the sum of the rules that name it. A negative one would take points from leads that have none."""

    max: CapOrNothing = Field(description="The most points that the group's rules give in total. At most two decimals.")


class Band(Document):
    """A band of a score that has a title. Without one, the threshold alone is enough."""

    threshold: Limit = Field(description="The lowest value in the band. At most two decimals.")
    title: Title | None = Field(None, description="What people call the band; its name by default.")


def _kind_of_band(value: Any) -> str:
    return "band" if isinstance(value, dict | Band) else "number"


ThresholdOrBand = Annotated[
    Annotated[Limit, Tag("number")] | Annotated[Band, Tag("band")],
    Discriminator(_kind_of_band),
]


def threshold_of(band: float | Band) -> float:
    return band.threshold if isinstance(band, Band) else band


class Score(Document):
    """The sum of rules, limited to between `min` and `max`."""

    rules: dict[Name, Rule] = Field(
        min_length=1, max_length=500, description="How the score is earned and lost, by name."
    )
    min: Limit | None = Field(None, description="The lowest value of the score. At most two decimals.")
    max: Limit | None = Field(None, description="The highest value of the score. At most two decimals.")
    groups: dict[Name, Group] = Field({}, max_length=100, description="Caps on the sum of several rules, by name.")
    bands: dict[Name, ThresholdOrBand] = Field(
        {},
        max_length=100,
        description="name: threshold. The band is that of the highest threshold that the score reaches.",
    )
    title: Title | None = Field(None, description="What people call the score; its name by default.")

    @property
    def limits(self) -> tuple[float, float]:
        """`min` and `max`; infinite if not set."""
        return -math.inf if self.min is None else self.min, math.inf if self.max is None else self.max

    @property
    def falling_bands(self) -> list[tuple[float, str]]:
        """Thresholds with their bands, the highest first."""
        return sorted(((threshold_of(band), name) for name, band in self.bands.items()), reverse=True)

    @model_validator(mode="after")
    def _limits_are_ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self


class Stage(Document):
    """A stage. Only the first may omit `when`."""

    name: Name = Field(description="The stage's name.")
    when: Condition | None = Field(
        None,
        description="Which leads are in this stage. Required except for the first stage, which has all other leads.",
    )
    keep: Condition | None = Field(
        None, description="Which leads stay in this stage once they are in it: less strict than `when`."
    )
    sales_ready: bool = Field(default=False, description="Whether leads in this stage are ready for sales.")
    title: Title | None = Field(None, description="What reports call the stage; its name by default.")
    outcome: Literal["won", "lost"] | None = Field(
        None,
        description="What a funnel counts its leads as. `won`: they became customers; `lost`: they were ruled out.",
    )


class Given(Document):
    """One message of an example, repeated `times`. Without `event`, it only sets traits."""

    event: EventName | None = Field(None, description="The event's name. Without it, the message only sets traits.")
    properties: dict[str, Any] = Field({}, description="The event's properties.")
    context: dict[str, Any] = Field({}, description="The event's context, such as {page: {path: /pricing}}.")
    traits: dict[str, Any] = Field({}, description="The person's traits; null removes one.")
    days_ago: Annotated[int, Field(ge=0, le=36_500)] = Field(0, description="How many days ago it happened.")
    times: Annotated[int, Field(ge=1, le=10_000)] = Field(1, description="How many such messages were sent.")
    trusted: bool = Field(default=True, description="Whether a secret key sent it.")


class Expected(Document):
    """The expected result of an example. A score is a number, or operators such as `{gte: 40}`."""

    stage: Name | None = Field(None, description="The stage that the person must be in.")
    sales_ready: bool | None = Field(None, description="Whether that stage must be ready for sales.")
    scores: dict[Name, ExpectedScore] = Field(
        {}, description="The expected scores, by name: a number, or operators such as {gte: 40, lt: 60}."
    )


class Example(Document):
    """A test of the model: a person's messages and the expected result."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="A sentence about people, shown if the example fails."
    )
    given: list[Given] = Field(max_length=500, description="The messages of one new person.")
    expect: Expected = Field(description="The expected result.")


class ScoringModel(Document):
    """One scoring model: signals are counted, scores weigh signals, stages read scores."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(description="The model's name.")
    description: str | None = Field(None, description="What the model is for.")
    traits: dict[TraitName, Trait] = Field({}, max_length=500, description="How certain traits are treated, by name.")
    signals: dict[Name, Signal] = Field({}, max_length=500, description="What is counted, by name.")
    scores: dict[Name, Score] = Field({}, max_length=20, description="What signals and traits are worth, by name.")
    stages: list[Stage] = Field(
        min_length=1,
        max_length=100,
        description="The stages, in ascending order. A lead is in the highest one whose `when` holds.",
    )
    examples: list[Example] = Field(
        [],
        max_length=500,
        description="The model's tests. Run by `leadscore model test`, and before the model is published.",
    )
