"""Reading the feed in tests: all of it, and what it says about each lead."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from app.services.feed import Change, Feed, Filter

ALL = Filter()


async def read_all(
    feed: Feed, wanted: Filter = ALL, limit: int = 100, after: int | None = None
) -> list[tuple[int, Change]]:
    """The feed page by page, to its end."""
    found: list[tuple[int, Change]] = []
    while True:
        page = await feed.read(after, wanted, limit)
        found += page.changes
        if page.position == after:
            return found
        after = page.position


def are_equal(scores: Mapping[str, float], stored: Mapping[str, float]) -> bool:
    """Whether scores by the feed are those that were stored. A lead whose scores were always zero has none there."""
    return scores == stored or not (scores or any(stored.values()))


def replayed(
    changes: Sequence[Change], renamed: Mapping[str, str] = MappingProxyType({})
) -> tuple[dict[UUID, str], dict[UUID, Any]]:
    """The stage and scores of each lead by the feed alone. Each change must follow on the one before it.

    `renamed`: stages that count as those that they were renamed to.
    """
    stages: dict[UUID, str] = {}
    scores: dict[UUID, Any] = {}

    def named(stage: str) -> str:
        return renamed.get(stage, stage)

    for change in changes:
        if change.lead_id is None:
            continue
        if change.type == "lead.created":
            assert change.lead_id not in scores
            scores[change.lead_id], stages[change.lead_id] = {}, change.data["stage"]
        elif change.type == "lead.score_changed":
            assert are_equal(scores[change.lead_id], change.data["before"])
            scores[change.lead_id] = change.data["scores"]
        elif change.type == "lead.stage_changed":
            assert named(stages[change.lead_id]) == named(change.data["from"])
            stages[change.lead_id] = change.data["to"]
    return stages, scores
