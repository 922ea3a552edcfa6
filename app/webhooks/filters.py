"""Which changes a webhook wants: by type, by the stage entered, by direction, by a threshold that a score crosses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class ScoreFilter:
    """A score with the threshold, or the band, that it has to cross."""

    name: str
    at_least: float | None = None
    band: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """The wanted types of change. The other fields, where set, restrict the changes of stages and of scores.

    `direction` restricts both: to a higher stage, to a score above the threshold.
    """

    types: frozenset[str]
    to: frozenset[str] | None = None
    direction: Direction | None = None
    score: ScoreFilter | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """What a filter needs of a model: the order of its stages, and the thresholds of its bands by score."""

    stages: Mapping[str, int]
    bands: Mapping[str, Mapping[str, float]]


def wants(wanted: ChangeFilter, kind: str, data: Mapping[str, Any], ladder: Ladder) -> bool:
    """Whether a change passes the filter. `data` and the `ladder` are those of the change."""
    if kind not in wanted.types:
        return False
    if kind == "lead.stage_changed":
        return _wants_stage(wanted, data, ladder)
    if kind == "lead.score_changed":
        return _wants_score(wanted, data, ladder)
    return True


def _wants_stage(wanted: ChangeFilter, data: Mapping[str, Any], ladder: Ladder) -> bool:
    if not data["notify"] or (wanted.to is not None and data["to"] not in wanted.to):
        return False
    if wanted.direction is None:
        return True
    before, after = ladder.stages.get(data["from"]), ladder.stages.get(data["to"])
    # A stage that this model has not: the lead came from an older one. Better once too often than never.
    return before is None or after is None or (after > before) == (wanted.direction == "up")


def _wants_score(wanted: ChangeFilter, data: Mapping[str, Any], ladder: Ladder) -> bool:
    if wanted.score is None:
        return True
    name = wanted.score.name
    threshold = wanted.score.at_least
    if wanted.score.band is not None:
        threshold = ladder.bands.get(name, {}).get(wanted.score.band)
    if threshold is None or name not in data["scores"]:
        return False
    was, is_now = data["before"].get(name, 0) >= threshold, data["scores"][name] >= threshold
    return was != is_now and (wanted.direction is None or is_now == (wanted.direction == "up"))
