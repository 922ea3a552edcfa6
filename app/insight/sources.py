"""Sources: how many of the visitors that each one brought became leads, qualified and customers."""

from dataclasses import dataclass

from app.insight.funnel import Funnel, Ladder
from app.insight.proportions import Proportion, proportion

LEAD = 1
"""The rung of a visitor who became a lead: the first above the one where everybody starts."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the visitors; None if the model has no such stage."""

    count: int | None
    of_visitors: Proportion


@dataclass(frozen=True, slots=True)
class Source:
    visitors: int
    leads: Share
    qualified: Share
    customers: Share


def source_of(ladder: Ladder, funnel: Funnel) -> Source:
    """The main figures of a funnel."""
    return Source(
        visitors=funnel.leads,
        leads=_share(funnel, LEAD),
        qualified=_share(funnel, ladder.qualified),
        customers=_share(funnel, ladder.won),
    )


def _share(funnel: Funnel, rung: int | None) -> Share:
    reached = funnel.reached(rung)
    return Share(reached, proportion(reached, funnel.leads) if reached is not None else Proportion(None, None, None))
