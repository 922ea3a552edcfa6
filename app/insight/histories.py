"""What is handed in: everything that the log has about each lead, and when it had the outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.scoring.events import Event


@dataclass(frozen=True, slots=True)
class History:
    """One lead: its events in any order.

    `outcome_on` is the first UTC day of the outcome, None if there was none. `start_on` is the day from which
    `After` counts, such as the day on which the lead entered a stage.
    """

    lead_id: str
    events: Sequence[Event]
    outcome_on: date | None = None
    start_on: date | None = None
