"""Which changes a webhook wants."""

from typing import Any

import pytest

from app.webhooks.filters import ChangeFilter, Ladder, ScoreFilter, wants

LADDER = Ladder({"interest": 0, "lead": 1, "sql": 2}, {"engagement": {"hot": 60, "cold": 0}})
STAGES, SCORES = "lead.stage_changed", "lead.score_changed"
HOT = ScoreFilter("engagement", band="hot")


def stage(before: str, after: str, **more: Any) -> dict[str, Any]:
    return {"from": before, "to": after, "notify": True} | more


def scores(before: float | None, after: float) -> dict[str, Any]:
    return {"before": {} if before is None else {"engagement": before}, "scores": {"engagement": after}}


def test_a_type_that_is_not_listed_is_not_wanted() -> None:
    wanted = ChangeFilter(frozenset({STAGES}))
    assert wants(wanted, STAGES, stage("lead", "sql"), LADDER)
    assert not wants(wanted, SCORES, scores(0, 5), LADDER)


@pytest.mark.parametrize(
    ("wanted", "change", "expected"),
    [
        ({}, stage("lead", "sql"), True),
        ({}, stage("lead", "sql", notify=False), False),
        ({"to": frozenset({"sql"})}, stage("lead", "sql"), True),
        ({"to": frozenset({"sql"})}, stage("interest", "lead"), False),
        ({"direction": "up"}, stage("lead", "sql"), True),
        ({"direction": "up"}, stage("sql", "lead"), False),
        ({"direction": "down"}, stage("sql", "lead"), True),
        ({"direction": "down"}, stage("interest", "lead"), False),
        ({"direction": "up"}, stage("of another model", "interest"), True),
        ({"direction": "down"}, stage("interest", "of another model"), True),
    ],
)
def test_changes_of_stages(wanted: dict[str, Any], change: dict[str, Any], expected: bool) -> None:
    assert wants(ChangeFilter(frozenset({STAGES}), **wanted), STAGES, change, LADDER) == expected


@pytest.mark.parametrize(
    ("wanted", "change", "expected"),
    [
        ({}, scores(1, 2), True),
        ({"score": HOT}, scores(59.99, 60), True),
        ({"score": HOT}, scores(60, 59.99), True),
        ({"score": HOT}, scores(10, 20), False),
        ({"score": HOT}, scores(70, 80), False),
        ({"score": HOT}, scores(None, 61), True),
        ({"score": HOT, "direction": "up"}, scores(60, 10), False),
        ({"score": HOT, "direction": "down"}, scores(60, 10), True),
        ({"score": ScoreFilter("engagement", at_least=15)}, scores(10, 20), True),
        ({"score": ScoreFilter("engagement", at_least=-5)}, scores(None, -10), True),
        ({"score": ScoreFilter("engagement", band="unknown")}, scores(0, 100), False),
        ({"score": ScoreFilter("fit", at_least=1)}, scores(0, 100), False),
        ({"score": ScoreFilter("fit", band="hot")}, scores(0, 100), False),
    ],
)
def test_changes_of_scores(wanted: dict[str, Any], change: dict[str, Any], expected: bool) -> None:
    assert wants(ChangeFilter(frozenset({SCORES}), **wanted), SCORES, change, LADDER) == expected


def test_filters_of_stages_and_scores_leave_other_changes_alone() -> None:
    wanted = ChangeFilter(frozenset({"lead.merged"}), frozenset({"sql"}), "up", HOT)
    assert wants(wanted, "lead.merged", {"from": "a", "into": "b"}, LADDER)
