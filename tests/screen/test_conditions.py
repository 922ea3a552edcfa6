"""Conditions in words."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from app.documents.reasons import ExplainedCondition
from app.screen.conditions import Gap, Names, gaps, met

NAMES = Names({"engagement": "Engagement"}, {"trial_started": "Started a trial"})
CONDITION: TypeAdapter[ExplainedCondition] = TypeAdapter(ExplainedCondition)


def about(value: float) -> Any:
    return pytest.approx(value, abs=0.01)


EMAIL = {"trait": "email", "exists": True, "actual": "a@b.c", "short_by": None}
NO_EMAIL = EMAIL | {"actual": None}
SCORE = {"score": "engagement", "gte": 80, "actual": 72.88, "short_by": 7.12}
TRIAL = {"signal": "trial_started", "actual": 0, "short_by": 1}
ONCE = TRIAL | {"actual": 1, "short_by": None}
USED = {"signal": "feature_used", "at_least": 3, "within_days": 14, "actual": 2, "short_by": 1}


def read(document: Any) -> ExplainedCondition:
    return CONDITION.validate_python(document)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (EMAIL, ["email is known"]),
        (SCORE | {"actual": 90, "short_by": None}, ["Engagement 90, at least 80"]),
        ({"signal": "trial_started", "actual": 1, "short_by": None}, ["Started a trial"]),
        (USED | {"actual": 5, "short_by": None}, ["Feature used 5× within 14 days"]),
        (
            {"all": [EMAIL, {"any": [TRIAL | {"actual": 1}, USED]}]},
            ["email is known", "Started a trial or Feature used 2× within 14 days"],
        ),
        ({"none": [EMAIL]}, ["not: email is known"]),
        ({"none": [{"all": [EMAIL, ONCE]}]}, ["not: (email is known and Started a trial)"]),
        ({"none": [{"any": [EMAIL, ONCE]}]}, ["not: (email is known or Started a trial)"]),
        ({"any": [{"all": [EMAIL, ONCE]}, ONCE]}, ["(email is known and Started a trial) or Started a trial"]),
        (
            {"any": [{"all": [EMAIL, {"any": [ONCE, EMAIL]}]}, ONCE]},
            ["(email is known and (Started a trial or email is known)) or Started a trial"],
        ),
        ({"any": [{"all": [EMAIL, ONCE]}]}, ["email is known", "Started a trial"]),
        ({"trait": "size", "gt": 5, "lte": 9.5, "actual": 6, "short_by": None}, ["size above 5 and at most 9.5"]),
        ({"trait": "role", "in": ["cto", True], "actual": "cto", "short_by": None}, ["role is one of cto, yes"]),
    ],
)
def test_what_holds(document: Any, expected: list[str]) -> None:
    assert met(read(document), NAMES) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (SCORE, [Gap("7.12 more engagement", "72.88 of 80", about(91.1))]),
        (TRIAL, [Gap("Started a trial", "0 of 1", 0)]),
        (USED, [Gap("1 more: Feature used within 14 days", "2 of 3", about(66.667))]),
        (USED | {"actual": 0, "short_by": 3}, [Gap("Feature used 3× within 14 days", "0 of 3", 0)]),
        (NO_EMAIL, [Gap("email is known", "not known", None)]),
        ({"trait": "country", "eq": "GB", "actual": "DE", "short_by": None}, [Gap("country is GB", "now DE", None)]),
        (SCORE | {"actual": -20, "short_by": 100}, [Gap("100 more engagement", "−20 of 80", 0)]),
        (
            {"score": "engagement", "lt": 5, "actual": 9, "short_by": 4},
            [Gap("Engagement below 5", "now 9", None)],
        ),
        ({"all": [NO_EMAIL, TRIAL]}, [Gap("email is known", "not known", None), Gap("Started a trial", "0 of 1", 0)]),
        ({"none": [EMAIL]}, [Gap("not: email is known", "", None)]),
        ({"none": [{"all": [EMAIL, ONCE]}]}, [Gap("not: (email is known and Started a trial)", "", None)]),
        (
            {"any": [TRIAL, {"all": [NO_EMAIL, TRIAL]}, SCORE]},
            [
                Gap(
                    "7.12 more engagement",
                    "72.88 of 80",
                    about(91.1),
                    ("Started a trial", "email is known and Started a trial"),
                )
            ],
        ),
    ],
)
def test_what_is_missing(document: Any, expected: list[Gap]) -> None:
    assert gaps(read(document), NAMES) == expected


def test_of_many_alternatives_some_are_counted_only() -> None:
    [gap] = gaps(read({"any": [SCORE, *[TRIAL] * 6]}), NAMES)
    assert gap.others == ("Started a trial",) * 3 + ("3 more",)


def test_nothing_is_needed_for_a_stage_without_a_condition() -> None:
    assert (met(None, NAMES), gaps(None, NAMES)) == ([], [])
