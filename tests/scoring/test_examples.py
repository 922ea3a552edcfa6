"""A model's own examples, run against it."""

from typing import Any

import pytest

from app.scoring.examples import ExampleResult, run_examples
from tests.scoring.strategies import compiled

Json = dict[str, Any]
MODEL: Json = {
    "name": "shop",
    "traits": {"budget": {"trusted": True}},
    "signals": {
        "visit": {"on": "Page Viewed", "where": {"context": "page.path", "eq": "/pricing"}},
        "order": {"on": "Order Completed", "trusted": True},
        "known": {"on": "Identified"},
    },
    "scores": {
        "engagement": {"rules": {"visits": {"signal": "visit", "points": 5, "expires_after_days": 3}}},
        "means": {"rules": {"rich": {"when": {"trait": "budget", "gte": 9}, "points": 3}}},
        "fit": {"rules": {"pro": {"when": {"trait": "plan", "eq": "pro"}, "points": 7.5}}},
    },
    "stages": [{"name": "interest"}, {"name": "customer", "when": {"signal": "order"}, "sales_ready": True}],
}
VISIT: Json = {"event": "page_viewed", "context": {"page": {"path": "/pricing"}}}


def failures(given: list[Json], expect: Json) -> tuple[str, ...]:
    model = compiled({**MODEL, "examples": [{"name": "an example", "given": given, "expect": expect}]})
    [result] = run_examples(model)
    assert result.name == "an example"
    return result.failures


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        ([], {"stage": "interest", "sales_ready": False, "scores": {"engagement": 0}}),
        ([], {}),
        ([{**VISIT, "times": 3}], {"scores": {"engagement": 15}}),
        ([{**VISIT, "days_ago": 2}, {**VISIT, "days_ago": 3}], {"scores": {"engagement": {"gte": 5, "lt": 5.5}}}),
        ([{"traits": {"plan": "pro"}}], {"scores": {"fit": 7.5}}),
        ([{"traits": {"plan": "pro"}}, {"traits": {"plan": "free"}}], {"scores": {"fit": 0}}),
        ([{"traits": {"plan": "free"}}, {"traits": {"plan": "pro"}, "days_ago": 1}], {"scores": {"fit": 0}}),
        ([{"event": "Order Completed"}], {"stage": "customer", "sales_ready": True}),
        ([{"event": "Order Completed", "trusted": False}], {"stage": "interest"}),
        ([{"traits": {"budget": 9}}], {"scores": {"means": 3}}),
        ([{"traits": {"budget": 9}, "trusted": False}], {"scores": {"means": 0}}),
        (
            [{"traits": {"budget": 9}, "days_ago": 1}, {"traits": {"budget": 1}, "trusted": False}],
            {"scores": {"means": 3}},
        ),
    ],
)
def test_an_example_that_holds_has_no_failures(given: list[Json], expect: Json) -> None:
    assert failures(given, expect) == ()


@pytest.mark.parametrize(
    ("expect", "failure"),
    [
        ({"stage": "customer"}, "stage is interest, expected customer"),
        ({"sales_ready": True}, "sales_ready is false"),
        ({"scores": {"engagement": 7}}, "score engagement is 5, expected eq 7"),
        ({"scores": {"engagement": {"gt": 1, "lte": 4.5}}}, "score engagement is 5, expected lte 4.5"),
    ],
)
def test_a_failed_example_reports_the_actual_result(expect: Json, failure: str) -> None:
    assert failures([VISIT], expect) == (failure,)


def test_all_failures_are_reported() -> None:
    assert len(failures([VISIT], {"stage": "customer", "sales_ready": True, "scores": {"engagement": 7}})) == 3


def test_a_model_without_examples_has_no_results() -> None:
    assert run_examples(compiled(MODEL)) == ()


def test_the_results_are_in_the_order_of_the_examples() -> None:
    examples: list[Json] = [{"name": name, "given": [], "expect": {}} for name in ("one", "two")]
    results = run_examples(compiled({**MODEL, "examples": examples}))
    assert results == (ExampleResult("one", ()), ExampleResult("two", ()))


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("größe", {"gro\u0308ße": 1}),
        ("gro\u0308ße", {"größe": 1}),
        ("Company  Size", {"Company\u00a0Size": 1}),
        ("E\u2011Mail-Typ", {"E-Mail\u2010Typ": 1}),
        ("company.size", {"company": {"size ": 1}}),
        ("compa\u200bny.size", {"company.size": 1}),
    ],
)
def test_what_is_not_seen_in_a_name_decides_about_no_points(asked: str, sent: Json) -> None:
    rule = {"when": {"trait": asked, "exists": True}, "points": 2}
    document = {
        "name": "small",
        "traits": {asked.partition(".")[0]: {"trusted": True}},
        "scores": {"fit": {"rules": {"told": rule}}},
        "stages": [{"name": "interest"}],
        "examples": [
            {"name": "told", "given": [{"traits": sent}], "expect": {"scores": {"fit": 2}}},
            {"name": "not trusted", "given": [{"traits": sent, "trusted": False}], "expect": {"scores": {"fit": 0}}},
        ],
    }
    assert [result.failures for result in run_examples(compiled(document))] == [(), ()]
