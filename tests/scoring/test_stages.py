"""Settling, reasons and forecasts. Which stage, and when it changes: `cases/stages.json`, `cases/forecast.json`."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.scoring.engine import Evaluation, evaluate
from app.scoring.stages import HORIZON_DAYS, Forecast, Standing, Transition, forecast, predict, settle, stage_reason
from tests.scoring.strategies import compiled, facts_from

Json = dict[str, Any]
MOMENT = datetime(2026, 3, 10, 12, tzinfo=UTC)
EARLIER = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = compiled(
    {
        "name": "ladder",
        "signals": {"visit": {"on": "Page Viewed"}, "demo": {"on": "Demo Requested"}},
        "scores": {"engagement": {"rules": {"visits": {"signal": "visit", "points": 5}}}},
        "stages": [
            {"name": "interest"},
            {"name": "lead", "when": {"trait": "email", "exists": True}},
            {
                "name": "mql",
                "when": {"score": "engagement", "gte": 40},
                "keep": {"score": "engagement", "gte": 25},
            },
            {"name": "sql", "when": {"signal": "demo", "within_days": 30}, "sales_ready": True},
        ],
    }
)


def lead(visits: int = 0, demos: int = 0, email: str | None = None) -> Evaluation:
    names = ["Page Viewed"] * visits + ["Demo Requested"] * demos + ["Identified"] * (email is not None)
    plain: Json = {"properties": {}, "context": {}, "occurred_at": MOMENT, "trusted": True}
    raw = [
        {**plain, "name": name, "message_id": f"m{place:02}", "traits": {"email": email} if email else {}}
        for place, name in enumerate(names)
    ]
    return evaluate(MODEL, facts_from(MODEL, raw), MOMENT)


# --- Settling ---------------------------------------------------------------------------------------------------


def test_a_new_lead_starts_in_the_first_stage_without_a_transition() -> None:
    assert settle(lead(), None, MOMENT, "event") == (Standing("interest", MOMENT), None)


def test_a_new_lead_that_qualifies_at_once_moves_up_from_the_first_stage() -> None:
    standing, transition = settle(lead(visits=8), None, MOMENT, "event")
    assert standing == Standing("mql", MOMENT, {"mql": MOMENT})
    assert transition == Transition("interest", "mql", MOMENT, "event", 1, {"engagement": 40})


def test_a_lead_that_stays_keeps_the_time_it_entered_the_stage() -> None:
    standing = Standing("mql", EARLIER)
    assert settle(lead(visits=5), standing, MOMENT, "time") == (standing, None)


def test_a_fall_is_recorded_with_the_cause_and_the_scores() -> None:
    standing, transition = settle(lead(visits=4), Standing("mql", EARLIER), MOMENT, "time")
    assert standing == Standing("interest", MOMENT, {"interest": MOMENT})
    assert transition == Transition("mql", "interest", MOMENT, "time", 1, {"engagement": 20})


def test_a_lead_in_a_removed_stage_moves_to_an_existing_one() -> None:
    standing, transition = settle(lead(), Standing("retired", EARLIER), MOMENT, "model")
    assert standing.stage == "interest"
    assert transition is not None
    assert (transition.from_stage, transition.cause) == ("retired", "model")


def test_a_stage_is_reached_when_it_is_first_entered() -> None:
    again, _ = settle(lead(visits=8), Standing("interest", EARLIER, {"mql": EARLIER}), MOMENT, "event")
    assert again == Standing("mql", MOMENT, {"mql": EARLIER})


def test_leads_that_become_one_have_reached_what_either_has_at_the_earlier_time() -> None:
    one, other = Standing("mql", MOMENT, {"lead": EARLIER, "mql": MOMENT}), Standing("mql", EARLIER, {"mql": EARLIER})
    assert one.joined([other]) == Standing("mql", MOMENT, {"lead": EARLIER, "mql": EARLIER})
    assert one.joined([]) is one


def test_a_renamed_stage_was_reached_under_its_new_name() -> None:
    standing = Standing("sql", MOMENT, {"lead": MOMENT, "sql": MOMENT, "hot": EARLIER})
    assert standing.renamed({"sql": "hot"}) == Standing("hot", MOMENT, {"lead": MOMENT, "hot": EARLIER})


# --- Reasons ----------------------------------------------------------------------------------------------------


def test_the_first_stage_needs_no_reason_and_shows_what_the_next_one_lacks() -> None:
    missing = {"trait": "email", "exists": True, "actual": None, "short_by": None}
    assert stage_reason(lead(), "interest") == {
        "stage": "interest",
        "kept": False,
        "because": None,
        "next": {"stage": "lead", "missing": missing},
        "rungs": [
            {"stage": "lead", "missing": missing},
            {"stage": "mql", "missing": {"score": "engagement", "gte": 40, "actual": 0, "short_by": 40}},
            {"stage": "sql", "missing": {"signal": "demo", "within_days": 30, "actual": 0, "short_by": 1}},
        ],
    }


def test_a_stage_is_explained_by_its_condition_and_the_next_by_the_shortfall() -> None:
    reason = stage_reason(lead(visits=7, email="ada@acme.example"), "lead")
    assert reason["because"] == {"trait": "email", "exists": True, "actual": "ada@acme.example", "short_by": None}
    assert reason["next"] == {
        "stage": "mql",
        "missing": {"score": "engagement", "gte": 40, "actual": 35, "short_by": 5},
    }


def test_a_lead_held_by_keep_is_marked_as_kept() -> None:
    reason = stage_reason(lead(visits=5), "mql")
    assert reason["kept"] is True
    assert reason["because"] == {"score": "engagement", "gte": 25, "actual": 25, "short_by": None}


def test_a_lead_that_meets_when_is_not_marked_as_kept() -> None:
    reason = stage_reason(lead(visits=8), "mql")
    assert reason["kept"] is False
    assert reason["because"] == {"score": "engagement", "gte": 40, "actual": 40, "short_by": None}
    assert reason["next"]["missing"] == {"signal": "demo", "within_days": 30, "actual": 0, "short_by": 1}


def test_the_highest_stage_has_no_next_one() -> None:
    reason = stage_reason(lead(demos=1), "sql")
    assert (reason["next"], reason["rungs"]) == (None, [])


# --- Forecasts --------------------------------------------------------------------------------------------------


def far(days: int) -> Forecast | None:
    """The forecast for a lead whose points expire in `days` days."""
    rule = {"signal": "visit", "points": 1, "expires_after_days": days}
    stages = [{"name": "interest"}, {"name": "hot", "when": {"score": "engagement", "gte": 1}}]
    model = compiled(
        {
            "name": "far",
            "signals": {"visit": {"on": "Page Viewed"}},
            "scores": {"engagement": {"rules": {"visits": rule}}},
            "stages": stages,
        }
    )
    plain: Json = {"properties": {}, "context": {}, "traits": {}, "message_id": "m1", "trusted": True}
    raw = {**plain, "name": "Page Viewed", "occurred_at": MOMENT}
    return forecast(evaluate(model, facts_from(model, [raw]), MOMENT), "hot")


@pytest.mark.parametrize("days", [1, 2, 3, 100, HORIZON_DAYS - 1, HORIZON_DAYS])
def test_a_change_within_the_horizon_is_found_on_its_day(days: int) -> None:
    assert far(days) == Forecast(MOMENT.date() + timedelta(days=days), "interest")


def test_a_change_beyond_the_horizon_is_not_forecast() -> None:
    assert far(HORIZON_DAYS + 1) is None


def test_a_forecast_starts_from_the_given_stage() -> None:
    assert forecast(lead(visits=5), "mql") is None
    assert forecast(lead(visits=5), "sql") == Forecast(date(2026, 3, 11), "interest")


def test_a_prediction_goes_through_the_changes_before_its_day() -> None:
    today = lead(demos=1)
    for days, stage in ((29, "sql"), (30, "interest"), (100, "interest")):
        evaluation, predicted = predict(today, "sql", today.day + days)
        assert (evaluation.day - today.day, predicted) == (days, stage)
