"""What proposals and backtests learn from: every lead's history, and when it had the outcome. Reads the whole log.

Importing this loads NumPy, so only a process of its own does; see app/insight.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import TooManyEvents
from app.insight.histories import History
from app.insight.outcomes import first_outcome
from app.scoring.document import Signal
from app.scoring.engine import CompiledModel
from app.scoring.events import Event, Identity
from app.scoring.signals import CompiledSignal, compile_signal
from app.services.failures import readable, unreadable
from app.services.models import ActiveModels
from app.services.publications import Publications
from app.storage import events as event_store
from app.storage import leads as lead_store
from app.storage.db import Database
from app.storage.events import UnreadableEvent
from app.storage.leads import UnreadableLead

MAX_EVENTS = 2_000_000
"""An event takes about 3 KB. A process that needs more memory than there is would be killed without an explanation."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome by name: a signal of the active model, one of its stages, or any event."""

    name: str
    signal: Signal | None
    stage: str | None

    @classmethod
    def named(cls, name: str, model: CompiledModel) -> "Outcome":
        if name in model.document.signals:
            return cls(name, model.document.signals[name], None)
        if any(stage.name == name for stage in model.stages):
            return cls(name, None, name)
        return cls(name, Signal.model_validate({"on": name}), None)


async def read_histories(
    database: Database,
    models: ActiveModels,
    outcome: Outcome,
    since_stage: str | None = None,
    on_progress: Callable[[int], None] | None = None,
    max_events: int = MAX_EVENTS,
) -> list[History]:
    """All leads, in the order of their ids. `on_progress` is called with the number of events read.

    `start_on` is the day on which a lead entered `since_stage`, or on which it was first seen. Former leads are part of
    those that they were merged into. Raises `TooManyEvents`.
    """
    async with database.read() as connection:
        leads = await _read_events(connection, on_progress, max_events)
        entered = await _entered(connection, models, outcome.stage)
        started = await _entered(connection, models, since_stage)
    signal = compile_signal(outcome.name, outcome.signal) if outcome.signal else None
    histories = [leads[lead_id] for lead_id in sorted(leads)]
    return [_with_days(each, signal, entered, None if since_stage is None else started) for each in histories]


async def _read_events(
    connection: AsyncConnection, on_progress: Callable[[int], None] | None, max_events: int
) -> dict[UUID, History]:
    """By lead. A lead of which an event can't be read is left out and logged."""
    events: dict[UUID, list[Event]] = {}
    links: dict[UUID, dict[Identity, datetime]] = {}
    damaged: dict[UUID, UnreadableLead] = {}
    count = 0
    async for rows in event_store.with_leads(connection):
        for lead_id, linked_at, event in rows:
            if isinstance(event, UnreadableEvent):
                damaged.setdefault(lead_id, unreadable(lead_id, event))
                continue
            events.setdefault(lead_id, []).append(event)
            links.setdefault(lead_id, {})[event.identities[0]] = linked_at
        count += len(rows)
        if count > max_events:
            raise TooManyEvents(
                f"The log has more than {max_events:,} events, too many to hold in memory. Use a copy of the database "
                "with fewer leads, or let LEADSCORE_EVENTS_DAYS delete old events."
            )
        if on_progress is not None:
            on_progress(count)
    readable(damaged.values())
    return {
        lead_id: History(str(lead_id), theirs, linked_at=links[lead_id])
        for lead_id, theirs in events.items()
        if lead_id not in damaged
    }


async def _entered(connection: AsyncConnection, models: ActiveModels, stage: str | None) -> dict[str, date]:
    """When each lead, or one that was merged into it, first entered a stage of the active model, whatever its name was.

    Leads that never did are left out, and so are those whose rows can't be read, which are logged.
    """
    if stage is None:
        return {}
    publications, found = await Publications.read(connection, models), dict[str, date]()
    for lead_id, version, standing in readable(await lead_store.standings(connection)):
        names = await publications.names(publications.of(version), publications.latest)
        entered_at = standing.renamed(names).reached.get(stage)
        if entered_at is not None:
            found[str(lead_id)] = entered_at.date()
    return found


def _with_days(
    history: History, signal: CompiledSignal | None, entered: dict[str, date], started: dict[str, date] | None
) -> History:
    first_seen = min(event.occurred_at.date() for event in history.events)
    return replace(
        history,
        outcome_on=first_outcome(history.events, signal) if signal else entered.get(history.lead_id),
        start_on=first_seen if started is None else started.get(history.lead_id),
    )
