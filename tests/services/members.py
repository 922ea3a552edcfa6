"""Adds up accounts lead by lead, from the event log and the leads' rows, to compare with what was counted.

It shares nothing with the counting but the names that old stages have in the active model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.scoring.document import ScoringModel
from app.scoring.events import Event
from app.services.publications import Publications
from app.storage.tables import accounts, events, groups, identities, leads
from tests.services.harness import Service
from tests.services.rebuild import event_log

BUSINESS = ("example.com", "acme.example")
"""The domains in the tests' histories that are not those of personal mailboxes."""


@dataclass
class Lead:
    """A lead with its messages, and the stage that it is in, by its present name."""

    id: UUID
    events: list[Event]
    stage: str
    scores: dict[str, float]
    trusts_all: bool

    @property
    def account(self) -> str | None:
        joined = [
            (each.occurred_at, each.message_id, each.properties["groupId"]) for each in self.events if _is_group(each)
        ]
        if joined:
            return f"group:{max(joined)[2]}"
        known = [each for each in self.events if "email" in each.traits and (each.trusted or self.trusts_all)]
        addresses = [(each.occurred_at, each.message_id, each.traits["email"]) for each in known]
        domain = max(addresses)[2].partition("@")[2] if addresses else None
        return f"domain:{domain}" if domain in BUSINESS else None


def _is_group(event: Event) -> bool:
    return event.type == "group"


class Log:
    """The messages that count, also those that retention deleted since."""

    def __init__(self) -> None:
        self._events: dict[UUID, Event] = {}
        self._retracted: set[UUID] = set()

    async def update(self, service: Service) -> None:
        """To be called after each step: messages may have been stored, retracted, restored, deleted or erased."""
        self._events |= {event.id: event for event in await event_log(service.database)}
        async with service.database.read() as connection:
            stored = {row.id: row.retraction_id for row in await connection.execute(select(events))}
            owned = set((await connection.execute(select(identities.c.identity))).scalars())
        lost = {each for each in self._retracted if each not in stored}  # retracted, and then deleted
        self._events = {
            event.id: event
            for event in self._events.values()
            if event.id not in lost and str(event.identities[0]) in owned
        }
        self._retracted = {event_id for event_id, retraction in stored.items() if retraction is not None}

    @property
    def counting(self) -> list[Event]:
        return [event for event in self._events.values() if event.id not in self._retracted]


async def all_leads(service: Service, log: Log) -> list[Lead]:
    async with service.database.read() as connection:
        owners = {row.identity: row.lead_id for row in await connection.execute(select(identities))}
        rows = list(await connection.execute(select(leads).where(leads.c.merged_into.is_(None))))
        publications = await Publications.read(connection, service.models)
        names = await publications.present_names({row.model_version for row in rows})
        models = {version: (await service.models.version(connection, version)).document for version in names}
    messages: dict[UUID, list[Event]] = {row.id: [] for row in rows}
    for event in log.counting:
        messages[owners[str(event.identities[0])]].append(event)
    return [
        Lead(
            row.id,
            messages[row.id],
            names[row.model_version][row.stage],
            row.scores,
            trusts_all="email" not in models[row.model_version].traits,
        )
        for row in rows
    ]


def added_up(found: Iterable[Lead], model: ScoringModel) -> dict[str, tuple[Any, ...]]:
    """By account: leads, stage, leads by stage, and by score the highest, who has it, and the sum."""
    members: dict[str, list[Lead]] = {}
    for lead in found:
        if lead.account is not None:
            members.setdefault(lead.account, []).append(lead)
    return {key: _added_up(of_account, model) for key, of_account in members.items()}


def _added_up(members: Sequence[Lead], model: ScoringModel) -> tuple[Any, ...]:
    stages = [lead.stage for lead in members]
    lost = [stage.name for stage in model.stages if stage.outcome == "lost" and stage.name in stages]
    others = [stage.name for stage in model.stages if stage.outcome != "lost" and stage.name in stages]
    scores = {}
    for name in model.scores:
        values = {lead.id: lead.scores[name] for lead in members if name in lead.scores}
        if values:
            highest = max(values.values())
            leader = min(lead_id for lead_id, value in values.items() if value == highest)
            scores[name] = (highest, leader, round(sum(values.values()), 2))
    return len(members), (others or lost)[-1], {stage: stages.count(stage) for stage in stages}, scores


async def counted(service: Service) -> dict[str, tuple[Any, ...]]:
    """The same, as it is stored."""
    async with service.database.read() as connection:
        rows = list(await connection.execute(select(accounts)))
    return {row.key: (row.leads, row.stage, row.stages, _scores(row)) for row in rows}


def _scores(row: Any) -> dict[str, tuple[float, UUID, float]]:
    return {name: (row.highest[name], UUID(row.leaders[name]), row.sums[name]) for name in row.highest}


def traits_by_log(log: Log, *, trusted: bool) -> dict[str, dict[str, Any]]:
    """What the log says of each group: everything, or what secret keys alone said."""
    said: dict[str, dict[str, list[Any]]] = {}
    for event in filter(_is_group, log.counting):
        of_group = said.setdefault(event.properties["groupId"], {})
        for name, value in event.properties.items():
            if name != "groupId" and (event.trusted or not trusted):
                of_group.setdefault(name, []).append((event.occurred_at, event.message_id, value))
    return {key: {name: max(each)[2] for name, each in of_group.items()} for key, of_group in said.items()}


async def traits_stored(service: Service, *, trusted: bool) -> dict[str, dict[str, Any]]:
    async with service.database.read() as connection:
        rows = list(await connection.execute(select(groups)))
    traits = {row.id: row.trusted_traits if trusted else row.traits for row in rows}
    return {key: {name: value for name, (value, _, _) in of_group.items()} for key, of_group in traits.items()}
