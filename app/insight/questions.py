"""What a proposal is asked: which outcome, within how long, seen from when, and what sales can handle."""

from dataclasses import dataclass
from datetime import datetime

from app.insight.scorecards import SIZES
from app.insight.snapshots import Every, Schedule
from app.insight.thresholds import Goal
from app.scoring.document import ScoringModel, Signal
from app.scoring.engine import CompiledModel

WEEKLY = Every(7)
DEFAULT_RULES = 12


@dataclass(frozen=True, slots=True)
class Question:
    """`outcome` is the name of a signal or stage; `signal` its definition if it is a signal.

    `closed_by` and `exclude` name events after which a lead is closed, and events and traits that no rule may use.
    `active` is the model that the proposal is for: its signals are candidates, and its scores are compared.
    """

    outcome: str
    within_days: int
    now: datetime
    signal: Signal | None = None
    schedule: Schedule = WEEKLY
    closed_by: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    max_rules: int = DEFAULT_RULES
    goal: Goal | None = None
    active: CompiledModel | None = None

    @property
    def sizes(self) -> list[int]:
        return sorted({min(size, self.max_rules) for size in SIZES})

    @property
    def active_document(self) -> ScoringModel | None:
        return self.active.document if self.active else None
