"""What a stage's condition needs: it never holds a lead that lacks it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.scoring.document import Condition
from app.scoring.engine import evaluate, on_day
from app.scoring.needs import Needs, needs_of
from app.scoring.stages import Span
from tests.scoring.strategies import MOMENT, compiled, events, facts_from, models

Json = dict[str, Any]
CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
FINGERPRINTS = {"demo": "f1", "bought": "f2"}
EMAIL = {"trait": "email", "exists": True}
OF_EMAIL, OF_DEMO, OF_BOUGHT = Needs(traits=frozenset(["email"])), Needs(frozenset(["f1"])), Needs(frozenset(["f2"]))


@given(models(), events(last_day=0), st.integers(0, 40))
def test_no_stage_holds_a_lead_that_lacks_what_it_needs(document: Json, past: list[Json], days: int) -> None:
    model = compiled(document)
    evaluation = evaluate(model, facts_from(model, past), MOMENT)
    span = Span(evaluation, on_day(evaluation, evaluation.day + days))
    for stage in model.stages:
        if stage.when is not None and stage.needs is not None and not stage.needs.are_met(evaluation.profile):
            assert stage.when.holds(evaluation) is stage.when.holds(span) is False


@pytest.mark.parametrize(
    ("condition", "needs"),
    [
        ({"signal": "demo", "within_days": 30}, OF_DEMO),
        ({"score": "engagement", "gte": 40}, None),
        (EMAIL, OF_EMAIL),
        ({"trait": "plan", "in": ["pro", "team"]}, Needs(traits=frozenset(["plan"]))),
        ({"trait": "company.size", "gte": 50}, Needs(traits=frozenset(["company.size", "company"]))),
        ({"trait": "email", "exists": False}, None),
        ({"all": [{"score": "engagement", "gte": 40}, EMAIL, {"signal": "demo"}]}, OF_EMAIL),
        ({"any": [{"signal": "demo"}, {"signal": "bought"}, EMAIL]}, Needs(frozenset(["f1", "f2"]), OF_EMAIL.traits)),
        ({"any": [{"signal": "demo"}, {"score": "engagement", "gte": 40}]}, None),
        ({"all": [{"score": "engagement", "gte": 40}], "any": [{"signal": "bought"}]}, OF_BOUGHT),
        ({"none": [{"signal": "demo"}]}, None),
    ],
)
def test_needs_are_signals_and_traits_without_which_a_condition_is_false(condition: Json, needs: Needs | None) -> None:
    assert needs_of(CONDITION.validate_python(condition), FINGERPRINTS) == needs
