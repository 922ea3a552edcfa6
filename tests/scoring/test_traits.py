"""The linter's warnings about a model's `traits`. Their effect is tested in `test_facts.py`."""

from copy import deepcopy
from typing import Any

import pytest

from app.scoring.lint import lint
from app.scoring.model import load_model

MODEL: dict[str, Any] = {
    "name": "small",
    "scores": {"fit": {"rules": {"named": {"when": {"trait": "name", "exists": True}, "points": 1}}}},
    "stages": [{"name": "interest"}],
}


def warnings(model: dict[str, Any]) -> list[str]:
    return [warning.code for warning in lint(load_model(model))]


@pytest.mark.parametrize(
    ("path", "listed", "expected"),
    [
        ("size", "size", []),
        ("size", "spare", ["unread-trait"]),
        ("company.size", "company", []),
        ("company.size", "company.size", []),
        ("company", "company.size", ["unread-trait"]),
        ("email_kind", "email", []),
        ("email_kind", "email_kind", ["derived-trait"]),
    ],
)
@pytest.mark.parametrize("place", ["rule", "stage"])
def test_a_listed_trait_that_is_unused_or_derived_is_reported(
    place: str, path: str, listed: str, expected: list[str]
) -> None:
    model = deepcopy(MODEL)
    model["traits"] = {listed: {"trusted": True}}
    asked = {"trait": path, "exists": True}
    if place == "rule":
        model["scores"]["fit"]["rules"]["asks"] = {"when": {"none": [asked]}, "points": 1}
    else:
        model["stages"].append({"name": "asked", "when": asked})
    assert warnings(model) == expected


def test_a_derived_trait_may_be_trusted_if_the_email_is_too() -> None:
    model = deepcopy(MODEL)
    model["traits"] = {"email": {"trusted": True}, "email_kind": {"trusted": True}}
    assert warnings(model) == ["unread-trait", "unread-trait"]
