"""Running a model's own examples against it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.scoring.document import Example, Given
from app.scoring.engine import CompiledModel, Evaluation, evaluate
from app.scoring.events import Event, Identity
from app.scoring.history import fold
from app.scoring.operators import OPERATORS
from app.scoring.stages import stage_of
from app.scoring.strings import with_canonical_names

MOMENT = datetime(2026, 1, 15, 12, tzinfo=UTC)
"""When every example is evaluated. Any moment would do, as examples are written in days ago."""


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """`failures` has one sentence for each expectation that was not met; it is empty if the example holds."""

    name: str
    failures: tuple[str, ...]


def run_examples(model: CompiledModel) -> tuple[ExampleResult, ...]:
    return tuple(ExampleResult(example.name, tuple(_failures(model, example))) for example in model.document.examples)


def _failures(model: CompiledModel, example: Example) -> Iterator[str]:
    events = [event for index, given in enumerate(example.given) for event in _events(given, index)]
    evaluation = evaluate(model, fold(model, events), MOMENT)
    stage = stage_of(evaluation, None)
    if example.expect.stage not in (None, stage):
        yield f"stage is {stage}, expected {example.expect.stage}"
    sales_ready = next(each.sales_ready for each in model.stages if each.name == stage)
    if example.expect.sales_ready not in (None, sales_ready):
        yield f"sales_ready is {str(sales_ready).lower()}"
    for name, expected in example.expect.scores.items():
        yield from _score_failures(evaluation, name, expected)


def _score_failures(evaluation: Evaluation, name: str, expected: Any) -> Iterator[str]:
    value = evaluation.values[name]
    for operator, operand in (expected if isinstance(expected, dict) else {"eq": expected}).items():
        if not OPERATORS[operator](operand)(value):
            yield f"score {name} is {value:g}, expected {operator} {operand:g}"


def _events(given: Given, index: int) -> Iterator[Event]:
    at = MOMENT - timedelta(days=given.days_ago)
    for repetition in range(given.times):
        yield Event(
            id=UUID(int=0),
            source="example",
            message_id=f"{index:04}-{repetition:05}",
            type="track" if given.event else "identify",
            name=given.event or "Identified",
            identities=(Identity("user_id", "example"),),
            occurred_at=at,
            received_at=at,
            trusted=given.trusted,
            properties=with_canonical_names(given.properties),
            context=with_canonical_names(given.context),
            traits=with_canonical_names(given.traits),
        )
