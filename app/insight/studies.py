"""Step 1 and its leaks: from histories to the rows, what was known at each, and what no rule may use."""

from collections.abc import Sequence

import numpy as np

from app.insight.arrays import Ints
from app.insight.candidates import Study
from app.insight.histories import History
from app.insight.leaks import Exclusion, Reason, closed_by, closing_events, entered_with, filled_in_traits, synonyms
from app.insight.log import Log, read_log
from app.insight.outcomes import require_past_horizon
from app.insight.questions import Question, Wishes
from app.insight.signals import SignalCatalog
from app.insight.snapshots import LeadDays, Snapshots, last_day, lead_days, take_snapshots
from app.insight.tallies import days_since_last, event_days
from app.insight.traits import read_traits
from app.scoring.events import event_name_key


def prepare(histories: Sequence[History], question: Question, wishes: Wishes) -> tuple[Study, list[Exclusion]]:
    log = read_log(histories)
    leads = lead_days(histories)
    require_past_horizon(leads, question.schedule, question.within_days, question.now)
    events = _excluded_events(log, leads, question, wishes)
    closing = [key for key, each in events.items() if each.reason == "closing"]
    leads = closed_by(leads, log, closing)
    snapshots = take_snapshots(leads, question.schedule, question.within_days, question.now)
    table = read_traits(histories, snapshots, wishes.trusted_traits)
    traits = filled_in_traits(table, histories, leads, snapshots)
    events = entered_with(traits, log) | events
    traits |= {path: Exclusion("trait", path, "requested", "") for path in table.columns if path in wishes.exclude}
    study = Study(
        leads=len(histories),
        snapshots=snapshots,
        catalog=SignalCatalog(log, snapshots, dict(wishes.active.document.signals) if wishes.active else {}),
        traits=table,
        days_since_last=_days_since_last(log, snapshots),
        excluded_events=frozenset(events),
        excluded_traits=frozenset(traits),
        trusted_traits=wishes.trusted_traits,
    )
    return study, [*events.values(), *traits.values()]


def _excluded_events(log: Log, leads: LeadDays, question: Question, wishes: Wishes) -> dict[str, Exclusion]:
    """By event key. What the question names goes before what is found."""
    found = synonyms(log, leads)
    others = {key: group for key, group in log.items() if key not in found}
    snapshots = take_snapshots(leads, question.schedule, question.within_days, question.now)
    latest = last_day(question.now, question.within_days)
    found |= closing_events(others, leads, snapshots, latest)
    return found | _named(log, question, wishes)


def _named(log: Log, question: Question, wishes: Wishes) -> dict[str, Exclusion]:
    reasons: dict[str, Reason] = dict.fromkeys(map(event_name_key, wishes.exclude), "requested")
    reasons |= dict.fromkeys(map(event_name_key, question.closed_by), "closing")
    reasons |= dict.fromkeys(map(event_name_key, question.signal.on if question.signal else ()), "outcome")
    return {key: Exclusion("event", log[key].name, reason, "") for key, reason in reasons.items() if key in log}


def _days_since_last(log: Log, snapshots: Snapshots) -> Ints:
    none = np.array([], dtype=np.int64)
    leads = np.concatenate([none, *(group.leads for group in log.values())])
    days = np.concatenate([none, *(group.days for group in log.values())])
    return days_since_last(event_days(leads, days), snapshots)
