"""What is asked of the past: which outcome, within how long, and seen from when. And what a proposal should be like."""

from dataclasses import dataclass
from datetime import datetime

from app.insight.scorecards import SIZES
from app.insight.snapshots import Every, Schedule
from app.insight.thresholds import Goal
from app.scoring.document import Signal
from app.scoring.engine import CompiledModel

WEEKLY = Every(7)
DEFAULT_RULES = 30


@dataclass(frozen=True, slots=True)
class Question:
    """`outcome` is the name of a signal or a stage, `signal` its definition if it is a signal.

    `closed_by` are names of events after which a lead is no longer open.
    """

    outcome: str
    within_days: int
    now: datetime
    signal: Signal | None = None
    schedule: Schedule = WEEKLY
    closed_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wishes:
    """`exclude` are the events and traits that no rule may use, `goal` what decides the threshold of `sql`.

    `active` is the model that the proposal is meant to replace: its signals are candidates, its scores are compared.
    """

    exclude: frozenset[str] = frozenset()
    max_rules: int = DEFAULT_RULES
    goal: Goal | None = None
    active: CompiledModel | None = None

    @property
    def trusted_traits(self) -> frozenset[str]:
        """The traits that only secret keys may set."""
        return self.active.trusted_traits if self.active else frozenset()

    @property
    def sizes(self) -> list[int]:
        """The numbers of rules to choose from."""
        return sorted({min(size, self.max_rules) for size in SIZES})
