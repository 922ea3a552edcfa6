"""What would give the outcome away, or end the race: named, excluded, and counted as closed.

With snapshots, nothing that was sent with the outcome can be seen. Leaks come from what is recorded just before it,
because of it, or instead of it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from app.insight.arrays import Flags, Ints
from app.insight.candidates import Study
from app.insight.histories import History
from app.insight.log import Log
from app.insight.measures import auc
from app.insight.points import PointRule, Scorecard, total
from app.insight.snapshots import NEVER, LeadDays, Snapshots
from app.insight.traits import TraitTable
from app.scoring.facts import day_of

Reason = Literal["outcome", "synonym", "closing", "filled-in", "requested"]
SYNONYM_SHARE = 0.9
MIN_CONVERTERS = 10
"""A synonym is only recognised by at least so many leads that had both."""
CLOSING_SHARE = 0.1
MIN_EXPECTED = 10
"""A closing event is only recognised where so many outcomes would be expected after it."""
FILLED_DIFFERENCE = 0.15
EMPTY_SHARE = 0.05
DATA_ENTRY = {"identify", "group"}
"""Types of messages that say something about a lead rather than what it did."""
ALONE = 0.9


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An event or a trait that no rule may use. `detail` says what was measured."""

    kind: Literal["event", "trait"]
    name: str
    reason: Reason
    detail: str


def synonyms(log: Log, leads: LeadDays) -> dict[str, Exclusion]:
    """By event key: events that converters have for the first time with the outcome or later."""
    found = {}
    for key, group in log.items():
        first = group.first_days(len(leads.outcome))
        share, converters = _share_with_outcome(first, leads.outcome)
        if converters >= MIN_CONVERTERS and share >= SYNONYM_SHARE:
            detail = f"{share:.0%} of {converters} leads had it first on the outcome's day or later"
            found[key] = Exclusion("event", group.name, "synonym", detail)
    return found


def _share_with_outcome(first: Ints, outcome: Ints) -> tuple[float, int]:
    """Of the leads that had both, the share that had the outcome first or on the same day, and their number.

    The arrays are parallel.
    """
    both = (first != NEVER) & (outcome != NEVER)
    return float((first[both] >= outcome[both]).mean()) if both.any() else 0.0, int(both.sum())


def closing_events(log: Log, leads: LeadDays, snapshots: Snapshots, latest: int) -> dict[str, Exclusion]:
    """By event key: events after which almost nobody has the outcome, however late, compared with all snapshots.

    `latest` is the last day whose horizon is over: events that came later prove nothing.
    """
    if not len(snapshots):
        return {}
    rate, found = float(snapshots.had_outcome.mean()), {}
    for key, group in log.items():
        first = group.first_days(len(leads.outcome))
        open_then = (first <= latest) & (first < leads.outcome)
        count, converted = int(open_then.sum()), int((leads.outcome[open_then] != NEVER).sum())
        if rate * count >= MIN_EXPECTED and converted <= CLOSING_SHARE * rate * count:
            detail = f"{converted} of {count} leads had the outcome after it; {rate * count:.0f} were expected"
            found[key] = Exclusion("event", group.name, "closing", detail)
    return found


def closed_by(leads: LeadDays, log: Log, keys: Sequence[str]) -> LeadDays:
    """The leads, closed from the day of the first of these events."""
    firsts = [log[key].first_days(len(leads.closed)) for key in keys if key in log]
    return replace(leads, closed=np.min([leads.closed, *firsts], axis=0))


def filled_in_traits(
    table: TraitTable, histories: Sequence[History], leads: LeadDays, snapshots: Snapshots
) -> dict[str, Exclusion]:
    """By dotted path: traits that are filled in for those who convert, or because they did."""
    details = {
        name: f"{share:.0%} of {converters} leads got it on the outcome's day or later"
        for name, first in _first_trait_days(histories).items()
        for share, converters in [_share_with_outcome(np.array([*first.values()]), leads.outcome[[*first]])]
        if converters >= MIN_CONVERTERS and share >= SYNONYM_SHARE
    }
    for path, column in table.columns.items():
        detail = details.get(path.split(".")[0]) or _fill_gap(column.codes >= 0, snapshots)
        if detail:
            details[path] = detail
    return {path: Exclusion("trait", path, "filled-in", detail) for path, detail in sorted(details.items())}


def entered_with(traits: Collection[str], log: Log) -> dict[str, Exclusion]:
    """By event key: `identify` and `group` calls that carry any of these traits, since they are made along with it."""
    names, found = {path.split(".")[0] for path in traits}, {}
    for key, group in log.items():
        carried = {name for event in group.events if event.type in DATA_ENTRY for name in event.traits} & names
        if carried:
            found[key] = Exclusion("event", group.name, "filled-in", f"it carries {', '.join(sorted(carried))}")
    return found


def _fill_gap(filled: Flags, snapshots: Snapshots) -> str | None:
    """A description of the difference in outcomes between filled and empty, if it is suspicious."""
    if not EMPTY_SHARE <= 1 - filled.mean() < 1:
        return None
    with_it, without = snapshots.had_outcome[filled].mean(), snapshots.had_outcome[~filled].mean()
    is_suspicious = abs(with_it - without) >= FILLED_DIFFERENCE
    return (
        f"{with_it:.0%} had the outcome where it is filled, {without:.0%} where it is empty" if is_suspicious else None
    )


def _first_trait_days(histories: Sequence[History]) -> dict[str, dict[int, int]]:
    """By trait, the first day of each lead that ever had it."""
    found = defaultdict[str, dict[int, int]](dict)
    for lead, history in enumerate(histories):
        for event in history.events:
            day = day_of(event.occurred_at)
            for name, value in event.traits.items():
                if value is not None:
                    found[name][lead] = min(day, found[name].get(lead, day))
    return found


def dominant_rules(card: Scorecard, study: Study) -> Iterator[tuple[PointRule, float]]:
    """Each rule that predicts suspiciously well alone, with its AUC."""
    for rule in card.rules:
        alone = auc(total([rule], study), study.snapshots.had_outcome)
        if alone >= ALONE:
            yield rule, alone
