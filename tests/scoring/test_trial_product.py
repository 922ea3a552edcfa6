"""The example model of docs/examples on real trials: it separates those that succeed from those that don't."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import pytest

from app.scoring.engine import compile_model, evaluate
from app.scoring.events import Event
from app.scoring.examples import run_examples
from app.scoring.facts import merge
from app.scoring.model import load_model
from app.scoring.stages import stage_of
from tests.trials import read_successes, read_trials

ROOT = Path(__file__).parents[2]
MODEL = compile_model(load_model((ROOT / "docs" / "examples" / "trial-product.yaml").read_text()), version=1)
STAGES = [stage.name for stage in MODEL.stages]
TRIAL = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Trial:
    """A person's standing at the end of the seventh day, and whether their first project passed in the months after."""

    stage: str
    engagement: float
    succeeded: bool


def test_every_example_holds() -> None:
    assert {result.name: result.failures for result in run_examples(MODEL) if result.failures} == {}


def test_every_stage_has_an_example() -> None:
    assert {example.expect.stage for example in MODEL.document.examples} == set(STAGES)


def test_engagement_after_seven_days_predicts_success(trials: list[Trial]) -> None:
    assert len(trials) == 746
    assert chance_of_right_order(trials) >= 0.70


def test_more_leads_succeed_the_higher_their_stage(trials: list[Trial]) -> None:
    reached = [stage for stage in STAGES if any(trial.stage == stage for trial in trials)]
    shares = [fmean(trial.succeeded for trial in trials if trial.stage == stage) for stage in reached]
    assert reached == ["lead", "mql", "pql", "sql"]
    assert all(lower < higher for lower, higher in pairwise(shares)), dict(zip(reached, shares, strict=True))


def test_years_later_every_lead_is_in_the_stage_where_the_trial_ended(messages: Mapping[str, list[Event]]) -> None:
    today = datetime(2026, 1, 15, tzinfo=UTC)
    moved = [user for user, events in messages.items() if stage_at(events, today) != stage_at(events, end_of(events))]
    assert moved == []


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([Trial("lead", 1, succeeded=False), Trial("sql", 2, succeeded=True)], 1.0),
        ([Trial("lead", 2, succeeded=False), Trial("sql", 1, succeeded=True)], 0.0),
        ([Trial("lead", 1, succeeded=False), Trial("sql", 1, succeeded=True)], 0.5),
    ],
    ids=["right", "wrong", "tied"],
)
def test_the_measure_of_order_is_correct(trials: list[Trial], expected: float) -> None:
    assert chance_of_right_order(trials) == expected


@pytest.fixture(scope="module")
def messages() -> dict[str, list[Event]]:
    return read_trials()


@pytest.fixture(scope="module")
def trials(messages: Mapping[str, list[Event]]) -> list[Trial]:
    succeeded = read_successes()
    return [
        Trial(stage_at(events, end_of(events)), engagement_at(events, end_of(events)), succeeded[user])
        for user, events in messages.items()
    ]


def end_of(events: list[Event]) -> datetime:
    """The end of a person's seven-day trial."""
    joined_on = next(event.traits["joined_on"] for event in events if event.type == "identify")
    return datetime.fromisoformat(joined_on).replace(tzinfo=UTC) + TRIAL


def stage_at(events: list[Event], moment: datetime) -> str:
    return stage_of(evaluate(MODEL, merge(map(MODEL.facts_of, events)), moment), None)


def engagement_at(events: list[Event], moment: datetime) -> float:
    return evaluate(MODEL, merge(map(MODEL.facts_of, events)), moment).values["engagement"]


def chance_of_right_order(trials: list[Trial]) -> float:
    """The area under the ROC curve: the chance that a person who succeeded scores higher than one who didn't."""
    return fmean(order_of_pairs(trials))


def order_of_pairs(trials: list[Trial]) -> Iterator[float]:
    failed = [trial.engagement for trial in trials if not trial.succeeded]
    for success in (trial.engagement for trial in trials if trial.succeeded):
        for failure in failed:
            yield (success > failure) + (success == failure) / 2
