"""The starter model: its examples hold and cover every stage, and every threshold can be reached."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from math import inf
from typing import Any
from uuid import UUID

import pytest

from app.scoring.document import Example, Given, Rule, Score, leaves
from app.scoring.engine import compile_model, evaluate
from app.scoring.events import Event, Identity
from app.scoring.examples import ExampleResult, run_examples
from app.scoring.facts import Facts, merge
from app.scoring.model import load_model
from app.scoring.stages import stage_of

DOCUMENT = load_model(files("app.scoring").joinpath("starter.yaml").read_text(encoding="utf-8"))
MODEL = compile_model(DOCUMENT, version=1)
NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SIGNALS = {signal.fingerprint: name for name, signal in MODEL.signals.items()}


@pytest.mark.parametrize("result", run_examples(MODEL), ids=lambda result: result.name)
def test_its_example_holds(result: ExampleResult) -> None:
    assert result.failures == ()


def test_it_has_the_stages_of_the_usual_ladder() -> None:
    ladder = ["interest", "lead", "mql", "pql", "sql", "customer", "service_qualified", "disqualified"]
    assert [stage.name for stage in DOCUMENT.stages] == ladder


def test_customers_are_won_and_the_disqualified_lost() -> None:
    outcomes = {stage.name: stage.outcome for stage in DOCUMENT.stages if stage.outcome}
    assert outcomes == {"customer": "won", "disqualified": "lost"}
    assert all(stage.title for stage in DOCUMENT.stages)


def test_every_stage_is_reached_by_an_example() -> None:
    assert {example.expect.stage for example in DOCUMENT.examples} == {stage.name for stage in DOCUMENT.stages}


def test_every_signal_is_used_by_a_rule_or_a_stage() -> None:
    read_by_rules = {rule.signal for score in DOCUMENT.scores.values() for rule in score.rules.values()}
    read_by_stages = {leaf.signal for _, leaf in stage_leaves()}
    assert DOCUMENT.signals.keys() - read_by_rules - read_by_stages == set()


def test_every_signal_is_counted_in_an_example() -> None:
    counted = {name for example in DOCUMENT.examples for event in events_of(example) for name in signals_of(event)}
    assert DOCUMENT.signals.keys() - counted == set()


def test_no_event_of_an_example_counts_twice() -> None:
    events = [event for example in DOCUMENT.examples for event in events_of(example)]
    assert [event.name for event in events if len(signals_of(event)) > 1] == []


@pytest.mark.parametrize(
    ("name", "properties", "path", "signal"),
    [
        ("ebook_downloaded", {}, None, "content_downloaded"),
        ("E-Book Downloaded", {}, None, "content_downloaded"),
        ("white-paper-downloaded", {}, None, "content_downloaded"),
        ("Page Viewed", {}, "/", "page_viewed"),
        ("Page Viewed", {}, None, "page_viewed"),
        ("Page Viewed", {}, "/blog", "page_viewed"),
        ("Page Viewed", {}, "/blog/pricing", "blog_viewed"),
        ("Page Viewed", {}, "/Pricing/", "pricing_viewed"),
        ("Page Viewed", {"path": "/plans/team"}, None, "pricing_viewed"),
        ("Form Submitted", {"form": "Contact"}, None, "contact_form_sent"),
        ("Form Submitted", {"form": "contact-sales"}, "/pricing", "sales_form_sent"),
        ("Form Submitted", {"form_name": "Request a demo"}, None, "sales_form_sent"),
        ("Form Submitted", {"form": "newsletter"}, None, "other_form_sent"),
        ("Form Submitted", {}, None, "other_form_sent"),
    ],
)
def test_an_event_is_recognized_by_its_name_form_or_path(
    name: str, properties: dict[str, Any], path: str | None, signal: str
) -> None:
    given = Given(event=name, properties=properties, context={"page": {"path": path}} if path else {})
    assert signals_of(as_event(given)) == {signal}


@pytest.mark.parametrize("name", ["Order Completed", "Lead Disqualified"])
def test_events_from_a_browser_can_neither_buy_nor_disqualify(name: str) -> None:
    assert signals_of(as_event(Given(event=name, trusted=False))) == set()


@pytest.mark.parametrize("example", DOCUMENT.examples, ids=lambda example: example.name)
def test_every_inactive_lead_except_a_customer_falls_back(example: Example) -> None:
    evaluation = evaluate(MODEL, facts_of(example), NOW + timedelta(days=365))
    assert evaluation.values["engagement"] == 0
    assert stage_of(evaluation, example.expect.stage) in {"interest", "lead", "customer"}


def test_every_threshold_of_a_stage_can_be_reached() -> None:
    asked = [(path, leaf) for path, leaf in stage_leaves() if leaf.score is not None]
    assert len(asked) > 0
    for path, leaf in asked:
        least, greatest = range_of(DOCUMENT.scores[leaf.target])
        assert leaf.operators.keys() == {"gte"}, path
        assert least < leaf.operators["gte"] <= greatest, path


@pytest.mark.parametrize("name", DOCUMENT.scores)
def test_every_band_can_be_reached_and_one_always_holds(name: str) -> None:
    score = DOCUMENT.scores[name]
    assert score.falling_bands[0][0] <= range_of(score)[1]
    assert score.falling_bands[-1][0] == score.min


@pytest.mark.parametrize("name", DOCUMENT.scores)
def test_no_cap_is_below_one_hit(name: str) -> None:
    score = DOCUMENT.scores[name]
    for key, rule in score.rules.items():
        group = score.groups[rule.group].max if rule.group else inf
        assert abs(rule.points) <= min(rule.max_points or inf, group), key


@pytest.mark.parametrize(
    ("stage", "below", "name", "days_later"),
    [
        ("mql", "lead", "engaged enough, from an address at work, is marketing-qualified", 10),
        ("pql", "lead", "a trial whose features are used is product-qualified, even from a free address", 10),
        ("sql", "pql", "who does enough of everything is worth a call unasked", 5),
    ],
)
def test_staying_in_a_stage_requires_less_than_reaching_it(stage: str, below: str, name: str, days_later: int) -> None:
    example = next(example for example in DOCUMENT.examples if example.name == name)
    evaluation = evaluate(MODEL, facts_of(example), NOW + timedelta(days=days_later))
    assert (stage_of(evaluation, stage), stage_of(evaluation, below)) == (stage, below)


def stage_leaves() -> Iterator[tuple[str, Any]]:
    for stage in DOCUMENT.stages:
        for field, condition in (("when", stage.when), ("keep", stage.keep)):
            if condition is not None:
                yield from leaves(condition, f"{stage.name}.{field}")


def range_of(score: Score) -> tuple[float, float]:
    """The least and greatest value of a score, if every rule gave all its points, after caps and limits."""
    gains = dict.fromkeys((*score.groups, None), 0.0)
    losses = 0.0
    for rule in score.rules.values():
        gains[rule.group] += max(0.0, most_of(rule))
        losses += min(0.0, most_of(rule))
    capped = sum(min(gain, score.groups[group].max if group else inf) for group, gain in gains.items())
    return max(losses, -inf if score.min is None else score.min), min(capped, inf if score.max is None else score.max)


def most_of(rule: Rule) -> float:
    """The most points that a rule gives or takes: its cap, if its hits add up."""
    adds_up = rule.signal is not None and rule.at_least is None
    size = rule.max_points or (inf if adds_up else abs(rule.points))
    return size if rule.points > 0 else -size


def signals_of(event: Event) -> set[str]:
    return {SIGNALS[fingerprint] for fingerprint in MODEL.hits_of(event, SIGNALS)}


def facts_of(example: Example) -> Facts:
    return merge(map(MODEL.facts_of, events_of(example)))


def events_of(example: Example) -> list[Event]:
    return [as_event(given) for given in example.given for _ in range(given.times)]


def as_event(given: Given) -> Event:
    at = NOW - timedelta(days=given.days_ago)
    return Event(
        id=UUID(int=0),
        source="test",
        message_id="m",
        type="track" if given.event else "identify",
        name=given.event or "Identified",
        identities=(Identity("user_id", "u1"),),
        occurred_at=at,
        received_at=at,
        trusted=given.trusted,
        properties=given.properties,
        context=given.context,
        traits=given.traits,
    )
