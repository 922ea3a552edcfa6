"""YAML's values. What a model makes of them is in `test_model.py`."""

import pytest

from app.scoring.model import load_model
from app.scoring.text import parse_text
from app.validation.faults import InvalidModel


@pytest.mark.parametrize("text", ["1_000", "2026_01", "1_0.5", "0b_1", "-1_0", "\u0665"])
def test_only_plain_digits_are_a_number(text: str) -> None:
    assert parse_text(f"eq: {text}") == {"eq": text}


@pytest.mark.parametrize(("text", "value"), [("1000", 1000), ("-2.5", -2.5), ("1e3", 1000.0), ('"10"', "10")])
def test_plain_digits_are_a_number_unless_they_are_quoted(text: str, value: object) -> None:
    assert parse_text(f"eq: {text}") == {"eq": value}


@pytest.mark.parametrize(
    ("on", "points", "path", "message"),
    [
        ("A", "1_000", "scores.fit.rules.r.points", "must be a number"),
        ("true", "1", "signals.v.on", "must be text: put a number, true or false in quotes"),
        ("[A, 40.5]", "1", "signals.v.on[1]", "must be text: put a number, true or false in quotes"),
        ("{}", "1", "signals.v.on", "must be a list"),
    ],
)
def test_a_value_that_yaml_reads_as_another_type_is_refused(on: str, points: str, path: str, message: str) -> None:
    rules = f"{{r: {{signal: v, points: {points}}}}}"
    with pytest.raises(InvalidModel) as refused:
        load_model(f"name: a\nsignals: {{v: {{on: {on}}}}}\nscores: {{fit: {{rules: {rules}}}}}\nstages: [{{name: a}}]")
    assert [(fault.path, fault.message) for fault in refused.value.faults] == [(path, message)]
