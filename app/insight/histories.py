"""What is handed in: everything that the log has about each lead, and when it had the outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from app.scoring.events import Event, Identity
from app.scoring.facts import day_of

LATE_SHARE = 0.1
"""With more events than this that arrived late, history was imported."""


@dataclass(frozen=True, slots=True)
class History:
    """One lead: its events in any order.

    `outcome_on` is the first UTC day of the outcome, None if there was none. `start_on` is the day from which
    `After` counts, such as the day on which the lead entered a stage. `linked_at` says since when an identity is known
    to be the lead's; without it, always.
    """

    lead_id: str
    events: Sequence[Event]
    outcome_on: date | None = None
    start_on: date | None = None
    linked_at: Mapping[Identity, datetime] = field(default_factory=dict)

    def known_on(self, event: Event) -> int:
        """The day from which the event was known to be the lead's, as an ordinal; never before it happened."""
        linked_at = self.linked_at.get(event.identities[0], event.received_at)
        return max(day_of(event.occurred_at), day_of(event.received_at), day_of(linked_at))


def late_share(histories: Sequence[History]) -> float:
    """The share of the events that arrived a day or more after they happened, as imported ones do."""
    late = [(event.received_at - event.occurred_at).days >= 1 for each in histories for event in each.events]
    return sum(late) / len(late) if late else 0.0


def was_imported(histories: Sequence[History]) -> bool:
    return late_share(histories) >= LATE_SHARE
